from __future__ import annotations

from dataclasses import asdict

import pytest

from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.strategy.strategy import Rankings, Timed
from harness.strategy.survey import SURVEY, SurveyOptions
from tests.harness import matmul_kernels as kernels
from tests.harness.trial.test_trial import host


def drawn(k: int, best: int, seed: str = "5") -> list[str]:
    rankings = Rankings(primitive_from(kernels.SPEC), host(), 1, seed)
    options = asdict(SurveyOptions(k, best, ("roofline",)))
    return [str(c.schedule) for c in SURVEY.chosen(options, rankings, "strategy.survey").choices]


def test_the_draw_depends_on_the_seed_alone() -> None:
    everything = drawn(10**5, 0)
    assert len(everything) == len(set(everything))
    nine = drawn(9, 0)
    assert nine == drawn(9, 0) and len(nine) == 9
    assert set(nine) < set(drawn(20, 0)) < set(everything)
    best = drawn(3, 3)
    assert set(best) < set(drawn(9, 3))
    assert set(drawn(9, 3)) - set(best) <= set(nine)
    assert set(drawn(9, 0, "6")) != set(nine)


def timed(seconds: float | None, roofline: int, drawn: int) -> Timed:
    return Timed({"roofline": roofline, "drawn": drawn}, seconds)


def test_what_is_timed_again_is_chosen_by_the_first_time_and_the_ranking() -> None:
    options = SurveyOptions(rankings=("roofline",), again=2)
    found = [
        timed(4.0, 1, 9),
        timed(5.0, 1, 2),  # shares the first place, and is slower
        timed(1.0, 7, 8),
        timed(2.0, 3, 7),
        timed(3.0, 4, 30),
        timed(9.0, 6, 6),
        timed(None, 2, 1),  # it failed
    ]
    assert SURVEY.again(options, found) == {
        2: ("fastest",),
        1: ("first roofline", "top roofline", "drawn"),
        3: ("few roofline", "fastest"),
    }
    assert SURVEY.again(SurveyOptions(rankings=("roofline",), again=0), found) == {}
    assert SURVEY.again(options, [timed(None, 1, 1)]) == {}


@pytest.mark.parametrize("names", [(), ("polydl", "polydl")])
def test_each_ranking_is_named_once(names: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="rankings must name one or more, none twice"):
        SurveyOptions(rankings=names)
