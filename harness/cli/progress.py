"""What `polydl run` shows while it works: counts, time left, what every node measures.

Events only count; a terminal is redrawn a few times a second however many there are. Elsewhere
lines are printed, few enough for a log.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from threading import RLock
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from harness.cli.time_left import time_left
from harness.cluster.pool import QUEUED, Event, Node, Step
from harness.estimates import estimated_seconds
from harness.plan import Plan
from harness.record.result import TrialResult
from harness.report.terminal import Terminal, plain
from harness.unit import Unit

REDRAWN = 4  # times a second
LINE_SECONDS = 0.2  # between two lines of units that ended well
STATE_SECONDS = 60.0  # between two lines on what the nodes do, where there is no terminal
BAR = 30  # columns
MOST_NODES = 12  # shown one by one
MOST_NAMES = 3  # of problems that a node measures
STEPS: tuple[Step, ...] = ("measuring", "waiting", "prepared", "preparing")


class Progress:
    """A context manager, told of events by the pool and of units by the journal's thread."""

    def __init__(self, console: Terminal, plan: Plan) -> None:
        self._console = console
        self._lock = RLock()
        self._nodes: dict[str, Counter[Step]] = {}  # by name; slots stand in `_slots`
        self._slots: dict[str, int] = {}
        self._doing: dict[str, Event] = {}  # by the unit's key
        self._measured: dict[str, dict[str, str]] = {}  # problems by node and the unit's key
        self._trials: Counter[str] = Counter()  # by status
        self._done = self._failed = self._untold = 0
        self._start = self._line = self._state = self._ended = time.monotonic()
        self._begin(plan)
        self._seconds_done = 0.0  # that those which ended were expected to take
        self._live = Live(
            console=console,
            get_renderable=self._shown,
            refresh_per_second=REDRAWN,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if self._untold:
            self._console.print(self._more())

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None:
        names = ", ".join(f"{node.name} ({node.slots} slots)" for node in nodes)
        with self._lock:
            self._begin(plan)
            self._start = self._state = self._ended = time.monotonic()
            for node in nodes:
                self._nodes.setdefault(node.name, Counter())
                self._slots[node.name] = self._slots.get(node.name, 0) + node.slots
            left = self._left()
        told = f"{len(plan.units)} problems, {plan.trials} trials on {names}, about {left}"
        self._console.print(f"{plan.campaign}: {told}")

    def told(self, message: str) -> None:
        self._console.print(plain(f"note: {message}", "yellow"), soft_wrap=True)

    def on_event(self, event: Event) -> None:
        with self._lock:
            self._leave(event.unit)
            self._doing[event.unit.key] = event
            self._nodes.setdefault(event.node, Counter())[event.step] += 1
            if event.step == "measuring":
                names = self._measured.setdefault(event.node, {})
                names[event.unit.key] = event.unit.problem.name
        if event.note and event.note != QUEUED:  # that is said of thousands, and of nobody's fault
            told = f"{event.unit.problem.name} {event.step}: {event.note}"
            self._console.print(plain(told), soft_wrap=True)

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        failed = any(result.status == "failed" for result in results)
        with self._lock:
            self._leave(unit)
            self._trials.update(result.status for result in results)
            self._done += 1
            self._failed += failed
            seconds = self._expected.pop(unit.key, 0.0)
            self._seconds_done += seconds
            self._seconds_left -= seconds
            self._ended = now = time.monotonic()
            if not failed and now - self._line < LINE_SECONDS:
                self._untold += 1
                return
            self._line = now
            more, self._untold = self._more(), 0
        told = ", ".join(_told(result) for result in results)
        if more:
            self._console.print(more)
        place = "" if self._console.is_terminal else f"[{self._done}/{self._total}] "
        self._console.print(plain(f"{place}{unit.problem.name:<24} {told}"), soft_wrap=True)
        if not self._console.is_terminal and now - self._state > STATE_SECONDS:
            self._state = now
            self._console.print(self._state_told(), soft_wrap=True)

    def _leave(self, unit: Unit) -> None:
        before = self._doing.pop(unit.key, None)
        if before is not None:
            self._nodes[before.node][before.step] -= 1
            self._measured.get(before.node, {}).pop(unit.key, None)

    def _more(self) -> str:
        return f"and {self._untold} others" if self._untold else ""

    def _shown(self) -> RenderableType:
        """What the terminal shows below the lines."""
        with self._lock:
            table = Table.grid(padding=(0, 2))
            listed = list(self._nodes.items())
            for name, steps in listed[:MOST_NODES]:
                slots = self._slots.get(name)
                of = f"/{slots}" if slots else ""
                busy = plain(f"{steps['measuring']}{of} measuring{self._names(name)}", "green")
                table.add_row(plain(name or "waiting"), busy, plain(_others(steps), "dim"))
            if len(listed) > MOST_NODES:
                table.add_row(f"and {len(listed) - MOST_NODES} nodes more")
            line = Table.grid(padding=(0, 2))
            bar = ProgressBar(
                total=self._total, completed=self._done, width=BAR, pulse=not self._slots
            )
            line.add_row(bar, plain(self._counts_told()))
            return Group(table, line)

    def _counts_told(self) -> str:
        if not self._slots:
            return f"starting, {self._left()} left on one slot"
        parts = [
            f"{self._done}/{self._total} done",
            f"{sum(steps['measuring'] for steps in self._nodes.values())} running",
            f"{self._failed} failed",
            f"{duration(time.monotonic() - self._start)} spent",
            f"{self._left()} left",
        ]
        return ", ".join(parts)

    def _state_told(self) -> str:
        with self._lock:
            nodes = "; ".join(
                f"{name or 'waiting'}: {steps['measuring']} measuring{self._names(name)}, "
                f"{_others(steps)}"
                for name, steps in list(self._nodes.items())[:MOST_NODES]
            )
            return f"{self._counts_told()} | {nodes}"

    def _names(self, node: str) -> str:
        """The problems that the node measures, with a blank before them."""
        names = list(islice(self._measured.get(node, {}).values(), MOST_NAMES))
        left = len(self._measured.get(node, {})) - len(names)
        more = [f"{left} more"] if left else []
        return f" {', '.join(names + more)}" if names else ""

    def _begin(self, plan: Plan) -> None:
        # Seconds of the units that have not ended, by key.
        self._expected = {unit.key: estimated_seconds(unit) for unit in plan.units}
        self._total = len(self._expected)
        self._seconds_left = sum(self._expected.values())  # a million are not summed each redraw

    def _left(self) -> str:
        running = sum(self._expected.get(key, 0.0) for key in self._doing)
        waiting = max(0.0, self._seconds_left - running)
        slots = min(sum(self._slots.values()), len(self._expected))
        now = time.monotonic()
        spent, since = self._ended - self._start, now - self._ended
        return duration(time_left(self._seconds_done, running, waiting, slots, spent, since))


def duration(seconds: float) -> str:
    """In the two units that matter: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _others(steps: Counter[Step]) -> str:
    told = [f"{steps[step]} {step}" for step in STEPS[1:] if steps[step] > 0]
    return ", ".join(told) or "nothing else"


def _told(result: TrialResult) -> str:
    if result.status != "ok" or result.gflops is None:
        return f"{result.contender} {result.status}"
    return f"{result.contender} {result.gflops:.1f}"
