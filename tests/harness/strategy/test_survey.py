from __future__ import annotations

from dataclasses import asdict

import pytest

from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.strategy.strategy import Rankings
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


@pytest.mark.parametrize("names", [(), ("polydl", "polydl")])
def test_each_ranking_is_named_once(names: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="rankings must name one or more, none twice"):
        SurveyOptions(rankings=names)
