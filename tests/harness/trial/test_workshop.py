from __future__ import annotations

import time
from dataclasses import replace

import pytest

from compiler.pipeline import parse_schedule, ranked_schedules
from compiler.problem.specification import primitive_from
from harness.kernel.toolchain import Toolchain
from harness.strategy.strategy import Choice
from harness.trial.workshop import Workshop
from harness.unit import Problem, Unit
from tests.harness import matmul_kernels as kernels
from tests.harness.trial.test_trial import FAST, host

PRIMITIVE = primitive_from(kernels.SPEC)
UNIT = Unit(Problem("small", kernels.SPEC, PRIMITIVE), (), (), "host", 1, FAST, 0, "test")


@pytest.fixture
def choices() -> list[Choice]:
    ranked = ranked_schedules(PRIMITIVE, host(), limit=3)
    return [Choice(one.schedule, one.seconds, {"roofline": one.place}) for one in ranked]


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_choice_keeps_its_place_and_its_prediction(
    jobs: int, choices: list[Choice], toolchain: Toolchain
) -> None:
    workshop = Workshop(UNIT, toolchain, jobs)
    found = [one.candidate for one in workshop.compiled(choices)]
    assert [c.schedule for c in found] == [str(choice.schedule) for choice in choices]
    assert [c.predicted for c in found] == [choice.predicted for choice in choices]
    assert all(c.executable is not None and c.kernel in workshop.kernels for c in found)


def test_shares_add_up_to_the_wall_time(choices: list[Choice], toolchain: Toolchain) -> None:
    workshop = Workshop(UNIT, toolchain, 3)
    start = time.perf_counter()
    found = workshop.compiled(choices)
    wall = time.perf_counter() - start
    assert 0 < sum(one.seconds for one in found) <= wall


def test_what_is_shared_is_compiled_once_and_paid_by_both(
    choices: list[Choice], toolchain: Toolchain
) -> None:
    workshop = Workshop(UNIT, toolchain, 2)
    (first,) = workshop.compiled(choices[:1])
    again, *_ = workshop.compiled([replace(choices[0], predicted=None), *choices])
    assert again.seconds == first.seconds
    assert again.candidate == replace(first.candidate, predicted=None)


def test_a_schedule_that_does_not_fit_falls_alone(
    choices: list[Choice], toolchain: Toolchain
) -> None:
    wrong = Choice(parse_schedule("scalar/order:m+n"))
    fallen, fine = Workshop(UNIT, toolchain, 2).compiled([wrong, choices[0]])
    assert fallen.candidate.failure is not None and fallen.candidate.failure.stage == "compile"
    assert "the order must hold 'k'" in fallen.candidate.failure.reason
    assert fine.candidate.executable is not None
