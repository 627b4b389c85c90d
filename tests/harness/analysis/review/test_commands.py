"""The commands of a trial mean that trial: its sizes, threads, cache and schedule."""

from __future__ import annotations

import shlex

from harness.analysis.review.commands import commands_of
from harness.settings import load_settings, quoted
from tests.harness.record.results import baseline_result, strategy_result

MATMUL = {"primitive": "matmul", "name": "gemm", "sizes": {"m": 6, "n": 16, "k": 8}}


def test_repeat_asks_for_the_same_problem_again() -> None:
    result = strategy_result(problem=MATMUL, threads=2, cache="cold", schedule="scalar/order:m+n+k")
    commands = dict(commands_of("runs/it's, a b", result, quoted))
    program, command, *words = shlex.split(commands["repeat"])
    assert (program, command) == ("polydl", "run")
    (settings,) = load_settings(words, "run")
    assert settings.strategies[0].options["from"] == f"runs/it's, a b:{result.trial}"
    assert dict(settings.problems[0].spec["sizes"]) == MATMUL["sizes"]
    assert (settings.threads, settings.measure.cache) == (2, "cold")


def test_explain_shows_the_recorded_schedule() -> None:
    result = strategy_result(problem=MATMUL, threads=2, cache="cold", schedule="scalar/order:m+n+k")
    words = shlex.split(dict(commands_of("one", result, quoted))["explain"])
    (settings,) = load_settings(words[2:], "explain")
    assert settings.schedule == "scalar/order:m+n+k"


def test_a_baseline_is_shown_and_cross_checked() -> None:
    result = baseline_result(problem={**MATMUL, "benchdnn": "--matmul 6x8:8x16"})
    assert commands_of("one", result, quoted) == (
        ("show", f"polydl show one {result.trial}"),
        ("cross-check", "benchdnn --mode=P --matmul 6x8:8x16"),
    )
