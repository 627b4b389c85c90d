"""What is done to a unit, and how a node is described: the real work, or another one to time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from compiler.problem.architecture import Architecture
from harness.choices import ArchitectureChoice, Exclusive
from harness.cluster.node import Share, node_described, share_of
from harness.cluster.pool import Node
from harness.kernel.toolchain import Toolchain
from harness.measure.slot import Slot
from harness.trial import PreparedUnit, UnitOutcome, measure_unit, prepare_unit
from harness.unit import Unit


def runnable(cores: tuple[int, ...]) -> set[int]:
    """Those that a process started here can be pinned to, found by pinning this thread."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores)
        return os.sched_getaffinity(0)
    except OSError:
        return set()
    finally:
        os.sched_setaffinity(0, before)


Describe = Callable[[str, Share, int, ArchitectureChoice, str, Toolchain], Node]


@dataclass(frozen=True)
class Work:
    """Functions that travel to the nodes; the scheduling around them is always the same."""

    prepare: Callable[[Unit, Architecture, Toolchain], PreparedUnit] = prepare_unit
    measure: Callable[[PreparedUnit, Slot, Toolchain], UnitOutcome] = measure_unit
    describe: Describe = node_described
    runnable: Callable[[tuple[int, ...]], set[int]] = runnable
    share: Callable[[tuple[int, ...] | None, Exclusive], Share] = share_of  # of the cores named


WORK = Work()
