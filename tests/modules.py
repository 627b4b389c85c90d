"""How pytest's processes share the tests: a module each, and the folder of clusters as one."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

CLUSTER = "tests/harness/cluster/"


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
