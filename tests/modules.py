"""How processes of pytest share the tests: a module each, and the folder of clusters as one."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling

CLUSTER, COMPILER = "tests/harness/cluster/", "tests/compiler/"
OTHERS_END = 0.85  # where the last module begins that is none of the compiler's


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """One process at a time, while it makes what others will find at `place`."""
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def places(modules: Iterable[str]) -> dict[str, float]:
    """Where each module begins in a run, from 0 to 1.

    Those of the compiler only compute, most others wait for a core to measure on: they alternate.
    The compiler's, which are many and short, end the run, so that no process is left with a long
    one.
    """
    known = list(dict.fromkeys(modules))
    found: dict[str, float] = {}
    for own, end in ((True, 1.0), (False, OTHERS_END)):
        some = [module for module in known if module.startswith(COMPILER) is own]
        found |= {module: end * index / len(some) for index, module in enumerate(some)}
    return found


class ModuleScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Modules in the order of collection; a test that ends its process is not run again.

    xdist's own would give it to the next process, which it ends as well.
    """

    def __init__(self, config: Any, log: Any) -> None:
        config.option.loadscopereorder = False  # by the number of tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER if nodeid.startswith(CLUSTER) else str(super()._split_scope(nodeid))

    def remove_node(self, node: Any) -> str | None:
        """The test that was running in a process that has ended; the others are left to do."""
        units = self.assigned_work[node]
        left = (test for unit in units.values() for test, done in unit.items() if not done)
        crashed: str | None = next(left, None)
        if crashed is None:
            del self.assigned_work[node]
            return None
        for unit in units.values():
            if crashed in unit:
                unit[crashed] = True
        del self.assigned_work[node]
        self.workqueue.update({s: unit for s, unit in units.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: Any) -> None:
        """Three tests or all that are left: a process holds back the last one that it knows of."""
        while not node.shutting_down and self._pending_of(self.assigned_work[node]) < 3:
            super()._reschedule(node)
