"""From a configuration to a kernel that can be called: chosen, built and verified as in a trial."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import psutil

from harness.calling.callable_kernel import CallableKernel
from harness.cluster.node import node_described, share_of
from harness.cluster.slots import taken
from harness.errors import HarnessError, SettingsError
from harness.failure import Failure
from harness.kernel.load import LoadedKernel
from harness.kernel.toolchain import Toolchain
from harness.plan import planned
from harness.record.journal import recorded_schedule
from harness.settings import Settings, one_of_settings
from harness.strategy.known import strategy_named
from harness.trial import prepare_unit, verified_kernel
from harness.unit import Unit

NAME = "python"  # of whoever holds a core: there is no campaign


class KernelError(HarnessError):
    """A kernel that could not be had: `stage` is that of a record's failure."""

    def __init__(self, problem: str, failure: Failure) -> None:
        super().__init__(f"{problem}: {failure.stage}: {failure.reason}")
        self.stage = failure.stage


def callable_kernel(words: Sequence[str]) -> CallableKernel:
    """The kernel of the one problem and the one strategy that these overrides choose.

    It runs and is compared with the reference in a process of its own, so that a wrong one harms
    nobody; a strategy that searches has its candidates timed there, on cores that nobody else
    measures on. Raises SettingsError, CompilerError, EnvironmentProblem and KernelError.
    """
    settings = one_of_settings(words, "kernel")
    unit = _unit(settings)
    toolchain, share = Toolchain.opened(settings.cache_folder), share_of(settings.cluster.cores)
    asked = settings.architecture
    node = node_described("here", share, unit.threads, asked, NAME, toolchain)
    jobs = len(os.sched_getaffinity(0))
    prepared = prepare_unit(unit, node.architecture, toolchain, jobs)
    slot = share.slots(unit.threads)[0]
    searches = strategy_named(unit.strategies[0].method).searches
    with taken(slot, NAME) if searches else nullcontext():
        found = verified_kernel(prepared, slot, toolchain)
    if isinstance(found, Failure):
        raise KernelError(unit.problem.name, found)
    chosen, verified = found
    return CallableKernel(
        unit.problem.primitive,
        LoadedKernel(chosen.executable or {}),
        unit.threads,
        chosen.schedule,
        prepared.kernels[chosen.kernel or ""],
        verified,
    )


def _unit(settings: Settings) -> Unit:
    """The problem with its one strategy and no baseline. Raises SettingsError."""
    free = psutil.virtual_memory().available
    plan = planned([replace(settings, baselines=())], NAME, free, recorded_schedule)
    (unit,) = plan.units
    if len(unit.strategies) != 1:
        raise SettingsError(f"a kernel has one strategy, {len(unit.strategies)} are chosen")
    return unit
