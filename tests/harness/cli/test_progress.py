from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest

from harness.cli.progress import Progress, duration
from harness.cluster.pool import QUEUED, Event
from harness.record.result import Status
from harness.report.terminal import Terminal
from tests.harness.campaigns import NODE, plan_from, replayed


def shown(units: int, terminal: bool, status: Status = "ok") -> str:
    """What is printed while so many units are measured one after the other."""
    text = io.StringIO()
    sizes = ",".join(map(str, range(1, units + 1)))
    plan = plan_from("-m", "primitive=matmul", f"primitive.sizes.n={sizes}", "baseline=[]")
    with Progress(Terminal(file=text, width=100, force_terminal=terminal), plan) as progress:
        progress.begins(plan, [NODE])
        for unit in plan.units:
            progress.on_event(Event(unit, "preparing", NODE.name))
            progress.on_event(Event(unit, "measuring", NODE.name))
            progress.finished(unit, [replayed(unit, unit.contenders[0], status)])
    return text.getvalue()


def test_a_log_has_plain_lines() -> None:
    text = shown(20, terminal=False)
    assert "\x1b" not in text
    (begins, *_) = text.splitlines()
    assert begins.startswith("toy: 20 problems, 20 trials on node-a (1 slots), about ")
    assert begins.endswith((" s", " min"))
    assert text.endswith("others\n")


def test_every_failure_has_its_line() -> None:
    lines = shown(20, terminal=False, status="failed").splitlines()
    assert sum("roofline failed" in line for line in lines) == 20
    assert lines[-1].startswith("[20/20] matmul_n20")


def test_a_terminal_shows_counts_and_nodes() -> None:
    text = io.StringIO()
    plan = plan_from("-m", "primitive=matmul", "primitive.sizes.n=1,2", "baseline=[]")
    first, second = plan.units
    with Progress(Terminal(file=text, width=100, force_terminal=True), plan) as progress:
        progress.begins(plan, [NODE])
        progress.on_event(Event(first, "measuring", NODE.name))
        progress.on_event(Event(second, "waiting", NODE.name, "core 1 is held by pid 7"))
        time.sleep(0.5)
        progress.finished(first, [replayed(first, first.contenders[0], "failed")])
        time.sleep(0.5)
    named = "1/1 measuring matmul_n1"
    for part in ("1/2 done, 0 running, 1 failed", "s left", named, "1 waiting", "pid 7"):
        assert part in text.getvalue()


def test_who_waits_for_a_slot_behind_others_has_no_line() -> None:
    text = io.StringIO()
    plan = plan_from("-m", "primitive=matmul", "primitive.sizes.n=1,2", "baseline=[]")
    first, second = plan.units
    with Progress(Terminal(file=text, width=100), plan) as progress:
        progress.begins(plan, [NODE])
        progress.on_event(Event(first, "waiting", NODE.name, QUEUED))
        progress.on_event(Event(second, "waiting", NODE.name, "core 1 is held by pid 7"))
    assert "matmul_n1 waiting" not in text.getvalue()
    assert "matmul_n2 waiting: core 1 is held by pid 7" in text.getvalue()


def test_the_time_left_is_there_before_anything_has_begun() -> None:
    text = io.StringIO()
    plan = plan_from("primitive=matmul", "baseline=[]")
    with Progress(Terminal(file=text, width=100, force_terminal=True), plan):
        time.sleep(0.1)
    told = f"starting, {duration(plan.seconds)} left on one slot"
    assert told in text.getvalue()


def test_of_many_problems_that_a_node_measures_some_are_named() -> None:
    text = io.StringIO()
    plan = plan_from("-m", "primitive=matmul", "primitive.sizes.n=1,2,3,4,5,6", "baseline=[]")
    node = replace(NODE, slots=5)
    with Progress(Terminal(file=text, width=140, force_terminal=True), plan) as progress:
        progress.begins(plan, [node])
        for unit in plan.units[:5]:
            progress.on_event(Event(unit, "measuring", node.name))
        time.sleep(0.5)
    assert "5/5 measuring matmul_n1, matmul_n2, matmul_n3, 2 more" in text.getvalue()


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
