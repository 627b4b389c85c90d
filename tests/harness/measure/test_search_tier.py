from __future__ import annotations

from dataclasses import replace

import pytest

from harness.failure import Failure
from harness.measure.budget import QUICK
from harness.measure.search_tier import SearchRun, search_tier
from tests.harness.measure.replay import ReplayedSearcher

SETTINGS = replace(QUICK, sentinel_every=3, search_finalists=2)


def search(seconds: dict[str, float | Failure]) -> tuple[SearchRun, list[ReplayedSearcher]]:
    started: list[ReplayedSearcher] = []

    def start() -> ReplayedSearcher:
        started.append(ReplayedSearcher(seconds, []))
        return started[-1]

    found = search_tier([{"name": name} for name in seconds], start, SETTINGS)
    assert all(searcher.closed for searcher in started)
    return found, started


def test_the_fastest_wins_after_being_timed_again() -> None:
    found, started = search({"a": 3.0, "b": 1.0, "c": 2.0})
    assert found.best == 1
    assert [f.retimed for f in found.found] == [None, 1.0, 2.0]
    assert started[0].timed == [*"abc", "a", *"bccbbccb"]  # sentinel after 3, then finalists
    assert found.drift == (1.0,)


def test_failing_candidates_are_data_and_dead_children_are_replaced() -> None:
    died = Failure("verify", "SIGSEGV: it died")
    wrong = Failure("verify", "wrong")
    found, started = search({"a": wrong, "b": died, "c": 2.0, "d": 4.0})
    assert [f.failure for f in found.found] == [wrong, died, None, None]
    assert found.best == 2
    assert [s.timed for s in started] == [["a", "b"], [*"c", "c", *"d", *"cddccddc"]]


def test_all_candidates_fail() -> None:
    found, _ = search({"a": Failure("verify", "wrong")})
    assert found.best is None and found.found[0].failure is not None


def test_one_given_up_cannot_win() -> None:
    found, _ = search({"a": 1.0, "b": 5.0})
    assert found.best == 0 and found.found[1].gave_up
    assert found.found[0].retimed is None


def test_the_child_ends_when_the_search_is_interrupted() -> None:
    class Interrupted(ReplayedSearcher):
        def candidate(self, *args: object, **kwargs: object) -> Failure:
            raise KeyboardInterrupt

    searcher = Interrupted({}, [])
    with pytest.raises(KeyboardInterrupt):
        search_tier([{"name": "a"}], lambda: searcher, SETTINGS)
    assert searcher.closed
