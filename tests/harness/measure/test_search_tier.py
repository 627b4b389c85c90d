from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.failure import Failure
from harness.kernel.load import ExecutableSpec
from harness.measure.budget import QUICK, MeasureSettings
from harness.measure.search_tier import SearchRun, search_tier
from tests.harness.measure.replay import ReplayedSearcher

SETTINGS = replace(QUICK, sentinel_every=3, search_finalists=2)
SECONDS: dict[str, float | Failure] = {"a": 4.0, "b": 3.0}


def search(
    seconds: dict[str, float | Failure],
    settings: MeasureSettings = SETTINGS,
    **again: float | Failure,
) -> tuple[SearchRun, list[ReplayedSearcher]]:
    started: list[ReplayedSearcher] = []

    def start() -> ReplayedSearcher:
        started.append(ReplayedSearcher(seconds, [], again=again))
        return started[-1]

    found = search_tier([{"name": name} for name in seconds], start, settings)
    assert all(searcher.closed for searcher in started)
    return found, started


def test_the_final_decides_between_the_best_and_the_first_choice() -> None:
    found, started = search({"a": 3.0, "b": 1.0, "c": 2.0, "d": 2.5}, b=2.0, c=1.5)
    assert started[0].timed == [*"abc", "a", *"d"]  # the sentinel after three
    assert started[0].finals == [["b", "c", "a"]]  # the two best, and the ranking's own choice
    assert [f.retimed for f in found.found] == [3.0, 2.0, 1.5, None]
    assert [f.seconds for f in found.found] == [3.0, 1.0, 2.0, 2.5]  # what the search found stays
    assert found.best == 2
    assert found.drift == (1.0,)


def test_each_is_verified_when_it_is_first_timed_and_then_trusted() -> None:
    thrice = replace(SETTINGS, search_passes=3)
    found, started = search({"a": 3.0, "b": 1.0, "c": 2.0}, thrice)
    assert [s.timed[:3] for s in started] == [[*"abc"], [*"cba"], [*"abc"]]
    assert started[0].trusted == ["a"]  # the sentinel, again
    assert [s.trusted for s in started[1:]] == [s.timed for s in started[1:]]
    assert [f.max_error for f in found.found] == [1e-7] * 3


def test_the_first_choice_is_in_the_final_once_and_only_if_it_ran() -> None:
    _, started = search({"a": 1.0, "b": 3.0, "c": 2.0})
    assert started[0].finals == [["a", "c"]]
    _, started = search({"a": Failure("verify", "wrong"), "b": 3.0, "c": 2.0, "d": 2.5})
    assert started[0].finals == [["c", "d"]]


def test_a_final_that_fails_leaves_what_the_search_found() -> None:
    found, _ = search({"a": 3.0, "b": 1.0}, a=Failure("measure", "SIGKILL: it died"))
    assert found.best == 1 and [f.retimed for f in found.found] == [None, None]


def test_failing_candidates_are_data_and_dead_children_are_replaced() -> None:
    died = Failure("verify", "SIGSEGV: it died")
    wrong = Failure("verify", "wrong")
    found, started = search({"a": wrong, "b": died, "c": 2.0, "d": 4.0})
    assert [f.failure for f in found.found] == [wrong, died, None, None]
    assert found.best == 2
    assert [s.timed for s in started] == [["a", "b"], [*"c", "c", *"d"]]
    assert [s.finals for s in started] == [[], [["c", "d"]]]


def test_all_candidates_fail() -> None:
    found, _ = search({"a": Failure("verify", "wrong")})
    assert found.best is None and found.found[0].failure is not None


def test_one_given_up_cannot_win() -> None:
    found, _ = search({"a": 1.0, "b": 5.0})
    assert found.best == 0 and found.found[1].gave_up
    assert found.found[0].retimed is None


def test_a_second_pass_is_the_mirror_of_the_first_in_another_process() -> None:
    wrong = Failure("verify", "wrong")
    twice = replace(SETTINGS, search_passes=2, search_finalists=1, sentinel_every=9)
    found, started = search({"a": 1.0, "b": wrong, "c": 2.0, "d": 5.0}, twice)
    assert [s.timed for s in started] == [[*"abcd"], [*"dca"]]  # what failed is not tried again
    assert [f.samples for f in found.found] == [10, 0, 10, 10]
    assert (found.best, found.found[3].gave_up) == (0, True)


def test_the_least_of_all_passes_counts() -> None:
    class Warming(ReplayedSearcher):
        """Each candidate is faster when it comes again."""

        def candidate(
            self, executable: ExecutableSpec, best: float | None, verified: bool
        ) -> Mapping[str, Any] | Failure:
            reply = super().candidate(executable, best, verified)
            assert not isinstance(reply, Failure)
            return {**reply, "seconds": reply["seconds"] / self.timed.count(executable["name"])}

    twice = replace(SETTINGS, search_passes=2, search_finalists=1)
    timed: list[str] = []
    found = search_tier([{"name": "a"}, {"name": "b"}], lambda: Warming(SECONDS, timed), twice)
    assert [f.seconds for f in found.found] == [2.0, 1.5]
    assert found.best == 1


def test_the_child_ends_when_the_search_is_interrupted() -> None:
    class Interrupted(ReplayedSearcher):
        def candidate(
            self, executable: ExecutableSpec, best: float | None, verified: bool
        ) -> Failure:
            raise KeyboardInterrupt

    searcher = Interrupted({}, [])
    with pytest.raises(KeyboardInterrupt):
        search_tier([{"name": "a"}], lambda: searcher, SETTINGS)
    assert searcher.closed
