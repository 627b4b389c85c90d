"""What runs on a node: an agent that owns its slots, and the task that ranks and compiles.

Ray's resources are counts and pin nothing, so an agent takes no CPU of Ray's and hands out its
node's slots itself; what it measures runs in pinned children of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Condition

from compiler.problem.architecture import Architecture
from harness.choices import ArchitectureChoice, Exclusive
from harness.cluster.answers import Attempt, Beat
from harness.cluster.node import Share
from harness.cluster.pool import QUEUED, Node
from harness.cluster.slots import taken
from harness.cluster.work import Work
from harness.errors import HarnessError
from harness.kernel.toolchain import Toolchain
from harness.measure.slot import Slot
from harness.scratch import clear_scratch
from harness.trial import PreparedUnit, UnitOutcome, installed_here
from harness.trial.transfer import landed, packed
from harness.unit import Contender, Unit


class CoreLost(OSError):
    """A slot's core went off-line, or was taken from this process."""


class Agent:
    """Measures in threads, one for each unit that was sent; answers heartbeats from another."""

    def __init__(
        self,
        work: Work,
        share: Share | None,
        exclusive: Exclusive,
        cores: tuple[int, ...] | None,
    ) -> None:
        self._work = work
        self._share = work.share(cores, exclusive) if share is None else share
        self._toolchain: Toolchain | None = None  # this and the node from `describe` on
        self._node: Node | None = None
        self._threads = 1
        self._change = Condition()
        self._busy: set[int] = set()
        self._lost: set[int] = set()
        self._known: dict[int, tuple[Slot, ...]] = {}  # slots by their number of cores
        self._doing: dict[Attempt, str] = {}

    def describe(
        self, name: str, threads: int, choice: ArchitectureChoice, campaign: str, cache: Path
    ) -> Node | HarnessError:
        """The node; what the user has to mend is returned, for the driver to raise."""
        self._threads = threads
        try:
            self._toolchain = Toolchain.opened(cache)
            clear_scratch(self._toolchain.scratch)
            self._node = self._work.describe(
                name, self._share, threads, choice, campaign, self._toolchain
            )
        except HarnessError as error:
            return error
        return self._node

    def beat(self) -> Beat:
        with self._change:
            return Beat(dict(self._doing), len(self._slots(self._threads)))

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        assert self._toolchain is not None, "a described node is asked"
        return installed_here(baselines, self._toolchain)

    def measure(self, prepared: PreparedUnit, unit: Unit) -> UnitOutcome:
        """Raises CoreLost where the unit has to be measured elsewhere."""
        node, toolchain = self._node, self._toolchain
        assert node is not None and toolchain is not None, "a unit is sent to a described node"
        attempt = (unit.key, unit.attempt)
        self._tell(attempt, QUEUED)
        try:
            ready = landed(prepared, unit, toolchain)
            ready = replace(ready, architecture=_held_against(ready.architecture, node))
            with (
                self._slot(unit.threads) as slot,
                taken(slot, unit.campaign, lambda who: self._tell(attempt, who)),
            ):
                self._check(slot)
                self._tell(attempt, "")
                outcome = self._work.measure(ready, slot, toolchain)
                self._check(slot)
                return outcome.on(node.name)
        finally:
            with self._change:
                del self._doing[attempt]

    def _tell(self, attempt: Attempt, what: str) -> None:
        with self._change:
            self._doing[attempt] = what

    def _slots(self, threads: int) -> list[Slot]:
        if threads not in self._known:
            self._known[threads] = self._share.slots(threads)
        return [s for s in self._known[threads] if self._lost.isdisjoint(s.cores)]

    @contextmanager
    def _slot(self, threads: int) -> Iterator[Slot]:
        """One that no other thread of this agent has."""
        with self._change:
            while True:
                left = self._slots(threads)
                if not left:
                    raise CoreLost(f"no slot is left: cores {sorted(self._lost)} are off-line")
                slot = next((s for s in left if self._busy.isdisjoint(s.cores)), None)
                if slot is not None:
                    break
                self._change.wait()
            self._busy.update(slot.cores)
        try:
            yield slot
        finally:
            with self._change:
                self._busy.difference_update(slot.cores)
                self._change.notify_all()

    def _check(self, slot: Slot) -> None:
        """Raises CoreLost, and never hands the slot out again, where a core cannot be run on."""
        missing = set(slot.cores) - self._work.runnable(slot.cores)
        if missing:
            with self._change:
                self._lost |= missing
            raise CoreLost(f"core {', '.join(map(str, sorted(missing)))} went off-line")


def _held_against(analysed: Architecture, node: Node) -> Architecture:
    """What the unit was ranked for, with the ceilings of the node that measures it."""
    own = node.architecture
    return replace(analysed, peak=own.peak, memory_bandwidth=own.memory_bandwidth)


def prepare(
    work: Work,
    unit: Unit,
    architecture: Architecture,
    cache: Path,
    processors: tuple[int, ...],
) -> tuple[None, PreparedUnit]:
    """Rank and compile the strategies, on `processors` where they are named.

    What they were compiled to travels with them; baselines get ready where they are measured. The
    first of two returned objects is small: it tells the driver of success, or of what was raised.
    """
    toolchain = Toolchain.opened(cache)
    if processors:
        os.sched_setaffinity(0, processors)  # this worker of Ray does nothing else
    prepared = work.prepare(replace(unit, baselines=()), architecture, toolchain)
    return None, packed(prepared, toolchain)
