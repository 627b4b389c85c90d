"""What a busy neighbour costs: the multiply-add loop of one core, alone and beside another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.cluster.node import Share
from harness.cluster.slots import taken
from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.toolchain import Toolchain
from harness.measure.child import Child, ChildSettings
from harness.measure.looks import native_library
from harness.measure.native import timing_library
from harness.measure.slot import Slot

NOISY = 0.03  # of the speed; a slot that loses more is told so
ROUNDS = 3
SECONDS = 0.15  # of one measurement; the neighbour is busy for three times as long
TIME_LIMIT = 30.0
PATIENCE = 5.0  # seconds to wait for cores that somebody measures on


def share_disturbed(toolchain: Toolchain, share: Share) -> float | None:
    """The neighbour's cost on the last two cores of a share; None where it has no two.

    Raises EnvironmentProblem when somebody measures there, which this would disturb.
    """
    cores = tuple(core.name for core in share.topology.cores)
    if len(cores) < 2:
        return None
    pair = Slot(cores[-2:], claims=tuple(core.physical for core in share.topology.cores[-2:]))
    with taken(pair, "doctor", patience=PATIENCE):
        return neighbour_cost(toolchain, cores[-1], cores[-2])


def neighbour_cost(toolchain: Toolchain, core: int, neighbour: int) -> float:
    """The share of `core`'s peak that is lost while `neighbour` computes, 0.0 for nothing.

    Takes about 2 s. Raises EnvironmentProblem when it cannot be measured.
    """
    library, timer = native_library(toolchain), timing_library(toolchain)
    if isinstance(library, Failure):
        raise EnvironmentProblem(f"the neighbour's cost cannot be measured: {library}")
    if isinstance(timer, Failure):
        raise EnvironmentProblem(f"the neighbour's cost cannot be measured: {timer}")
    path = str(library)
    alone: list[float] = []
    beside: list[float] = []
    with ThreadPoolExecutor(1) as thread, Child(_settings(core, timer)) as measured:
        other = thread.submit(Child, _settings(neighbour, timer)).result()
        try:
            for _ in range(ROUNDS):
                alone.append(_peak(measured, path, SECONDS))
                busy = thread.submit(_peak, other, path, 3 * SECONDS)
                beside.append(_peak(measured, path, SECONDS))
                busy.result()
        finally:
            other.close()
    return max(0.0, 1.0 - max(beside) / max(alone))


def _settings(core: int, timer: Path) -> ChildSettings:
    return ChildSettings(Slot((core,)), timer, module="harness.measure.ceilings_worker")


def _peak(child: Child, library: str, seconds: float) -> float:
    reply = child.request("peak", TIME_LIMIT, library=library, seconds=seconds)
    if isinstance(reply, Failure):
        raise EnvironmentProblem(f"the neighbour's cost cannot be measured: {reply}")
    return float(reply["operations"])
