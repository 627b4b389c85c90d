"""What `polydl run` shows while it works."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from harness.cluster.pool import Event, Node
from harness.plan import Plan
from harness.record.result import TrialResult
from harness.unit import Unit


class Progress:
    """A bar with what is going on, and one line for every unit that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, left="")
        self._doing: dict[str, tuple[str, str]] = {}  # unit key -> step, problem
        self._counts: Counter[str] = Counter()
        self._start = time.monotonic()

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None:
        names = ", ".join(f"{node.name} ({node.slots} slots)" for node in nodes)
        self._console.print(
            f"{plan.campaign}: {len(plan.units)} problems, {plan.trials} trials on {names}"
        )
        self._start = time.monotonic()
        self._bar.update(self._task, total=len(plan.units))

    def on_event(self, event: Event) -> None:
        self._doing[event.unit.key] = (event.step, event.unit.problem.name)
        if event.step == "waiting":
            self._console.print(f"{event.unit.problem.name} waits: {event.note}")
        self._show()

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        self._doing.pop(unit.key, None)
        self._counts.update(result.status for result in results)
        told = ", ".join(_told(result) for result in results)
        self._console.print(f"{unit.problem.name:<24} {told}", highlight=False)
        self._bar.advance(self._task)
        self._show()

    def _show(self) -> None:
        steps = dict(self._doing.values())
        busy = ", ".join(f"{step} {name}" for step, name in sorted(steps.items()))
        failed = f" [red]{self._counts['failed']} failed[/]" if self._counts["failed"] else ""
        self._bar.update(self._task, description=(busy or "working") + failed, left=self._left())

    def _left(self) -> str:
        """Time left, from the units done so far."""
        task = self._bar.tasks[0]
        if not task.completed or task.total is None:
            return ""
        each = (time.monotonic() - self._start) / task.completed
        return f"{each * (task.total - task.completed):.0f} s left"


def _told(result: TrialResult) -> str:
    if result.status != "ok" or result.gflops is None:
        return f"{result.contender} {result.status}"
    return f"{result.contender} {result.gflops:.1f}"
