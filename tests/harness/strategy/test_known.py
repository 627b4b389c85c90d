"""Every strategy by its name, on a small problem: its defaults, and what it chooses."""

from __future__ import annotations

import pytest

from compiler.errors import ProblemError, ScheduleError
from compiler.pipeline import ranked_schedules
from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.options import plain
from harness.strategy.fixed import FIXED, FixedOptions
from harness.strategy.known import known_strategies, strategy_named
from harness.strategy.strategy import Chosen, Rankings
from harness.strategy.top_k import TopKOptions
from tests.harness import matmul_kernels as kernels
from tests.harness.trial.test_trial import host

PRIMITIVE = primitive_from(kernels.SPEC)
RANKINGS = ("roofline", "polydl", "polydl_tree", "polydl_tournament", "tournament")


def chosen(name: str, **options: object) -> Chosen:
    rankings = Rankings(PRIMITIVE, host(), 1, "0")
    return strategy_named(name).chosen(options, rankings, f"strategy.{name}")


@pytest.mark.parametrize("name", RANKINGS)
def test_the_first_choice_of_a_ranking(name: str) -> None:
    found = chosen(name)
    (choice,) = found.choices
    assert choice.schedule == ranked_schedules(PRIMITIVE, host(), 1, name)[0].schedule
    assert choice.rank == 1 and found.candidates and found.candidates > 1
    assert not strategy_named(name).searches


def test_defaults_stand_once() -> None:
    assert (TopKOptions().k, TopKOptions().per_tile) == (8, 4)
    assert [str(c.schedule) for c in chosen("top_k").choices] == [
        str(c.schedule) for c in chosen("top_k", **plain(TopKOptions())).choices
    ]


def test_searches_compile_several() -> None:
    assert {n for n, s in known_strategies().items() if s.searches} == {"top_k", "survey"}
    assert len(chosen("top_k", k=3).choices) == 3
    assert len(chosen("survey", k=5, rankings=["roofline"]).choices) == 5


def test_a_fixed_schedule_is_itself() -> None:
    text = str(ranked_schedules(PRIMITIVE, host())[3].schedule)
    (choice,) = chosen("fixed", schedule=text).choices
    assert str(choice.schedule) == text and choice.rank is None
    FIXED.check(FixedOptions(schedule=text), PRIMITIVE)
    with pytest.raises((SettingsError, ScheduleError, ProblemError)):
        FIXED.check(FixedOptions(schedule="scalar/order:x"), PRIMITIVE)
    with pytest.raises(SettingsError, match="exactly one of from=CAMPAIGN:TRIAL and schedule="):
        FixedOptions()


def test_unknown_names_and_options_list_the_known() -> None:
    with pytest.raises(
        SettingsError, match="unknown 'magic'; known: fixed, polydl, polydl_tournament"
    ):
        strategy_named("magic")
    with pytest.raises(SettingsError, match=r"strategy\.top_k: unknown key 'q'; known: ranker, k"):
        chosen("top_k", q=1)
