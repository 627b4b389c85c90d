"""What a session asks of its timer, by a replayed one: warm-up, calls a sample, eviction, steal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.kernel.load import Executable, LoadError
from harness.measure import session
from harness.measure.native import Timer
from harness.measure.sample import Timed
from harness.measure.session import Session

BASE = 2.0**-10  # seconds; powers of two, so that sums are exact


class ReplayedTimer(Timer):
    """Takes `seconds(number of the sample)` for a call; remembers what was asked."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.seconds = seconds
        self.asked: list[int | str] = []

    def sample(self, executable: Executable, calls: int) -> Timed:
        self.asked.append(calls)
        number = sum(asked != "evict" for asked in self.asked)
        return Timed(self.seconds(number), calls, ("switched out",) if number == 2 else ())

    def evict(self, executable: Executable) -> None:
        self.asked.append("evict")


class LoadedSession(Session):
    """As after `load` and `bind`: the replayed timer looks at no executable."""

    executable = None  # type: ignore[assignment]


def _session(seconds: Callable[[int], float]) -> tuple[LoadedSession, ReplayedTimer]:
    timer = ReplayedTimer(seconds)
    return LoadedSession(Path(), (0,), lambda _: timer), timer


@pytest.mark.parametrize(
    ("per_call", "settle_seconds", "settle_calls", "batches"),
    [
        (BASE, 20 * BASE, 3, [1, 2, 4, 8, 5]),  # the time is full when the calls long are
        (BASE, 2 * BASE, 7, [1, 1, 1, 1, 1, 1, 1]),  # the calls are, when the time long is
        (BASE, 2 * BASE, 9, [1, 1, 1, 1, 1, 1, 1, 1]),  # four times the time, and no more
        (BASE, BASE / 8, 10, [1]),  # one call is longer than all that
        (BASE, 4 * BASE, 0, [1, 2, 1]),  # batches do not overshoot
    ],
)
def test_warms_up_until_both_limits_are_met(
    per_call: float, settle_seconds: float, settle_calls: int, batches: list[int]
) -> None:
    warmed, timer = _session(lambda _: per_call)
    warmed.burst(0, BASE, settle_seconds, settle_calls, cold=False)
    assert timer.asked == batches


def test_a_sample_is_as_many_calls_as_the_fastest_warm_one_fits() -> None:
    warmed, timer = _session(lambda number: (9.0, 1.0, 2.0)[min(number, 3) - 1] * BASE)
    reply = warmed.burst(3, 8 * BASE, 12 * BASE, 3, cold=False)
    assert timer.asked == [1, 1, 2, 8, 8, 8]
    assert reply["samples"] == [[2 * BASE, 8, []]] * 3


def test_a_long_call_is_a_sample_of_its_own() -> None:
    warmed, timer = _session(lambda _: BASE)
    warmed.burst(2, BASE / 100, BASE, 1, cold=False)
    assert timer.asked == [1, 1, 1]


def test_cold_samples_are_single_calls_each_after_an_eviction() -> None:
    warmed, timer = _session(lambda _: BASE)
    reply = warmed.burst(2, 100 * BASE, BASE, 1, cold=True)
    assert timer.asked == [1, "evict", 1, "evict", 1]
    assert [calls for _, calls, _ in reply["samples"]] == [1, 1]
    assert [flags for *_, flags in reply["samples"]] == [["switched out"], []]


def test_time_stolen_meanwhile_flags_every_sample_of_the_burst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = tmp_path / "stat"
    monkeypatch.setattr(session, "TICKS", ticks)

    def stolen(own: int, other: int) -> None:
        line = "cpu{} 1 2 3 4 5 6 7 {} 9 9\n"
        ticks.write_text(line.format("", 70) + line.format(0, own) + line.format(1, other))

    for own, other, flags in ((5, 5, []), (5, 9, []), (6, 5, ["steal"])):
        stolen(5, 5)

        def call(_: int, own: int = own, other: int = other) -> float:
            stolen(own, other)
            return BASE

        found, _ = _session(call)
        reply = found.burst(1, BASE, BASE / 8, 1, cold=False)
        assert reply["samples"][0][2] == ["switched out", *flags]
    ticks.unlink()
    found, _ = _session(lambda _: BASE)
    assert found.burst(1, BASE, BASE / 8, 1, cold=False)["samples"][0][2] == ["switched out"]


def test_nothing_is_timed_before_something_is_loaded() -> None:
    with pytest.raises(LoadError, match="no executable has been loaded"):
        Session(Path(), (0,), lambda _: ReplayedTimer(lambda _: BASE)).burst(1, 1, 1, 1, False)
