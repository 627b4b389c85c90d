"""Two thousand mutants of kernels, also of random ones; counts by form and operator are printed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from tests.compiler.codegen.random_schedules import random_problem, random_schedule
from tests.mutation.forms import FUSED, LARGE, SMALL, STAGED
from tests.mutation.outcomes import (
    Subject,
    counted,
    escaped,
    killed,
    outcomes,
    subject,
    table,
)

SEED = 20261205
OF_EACH_SMALL, OF_EACH_LARGE = 72, 50
RANDOM_KERNELS, OF_EACH_RANDOM = 100, 6
AT_LEAST = 2000
FUSED_SEEDS, OF_EACH_FUSED, FUSED_AT_LEAST = (20261206, 20261207, 20261208), 70, 2000


@pytest.mark.soak
def test_nothing_wrong_passes_in_two_thousand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subjects = [subject(form, OF_EACH_LARGE, SEED) for form in LARGE]
    subjects += [subject(form, OF_EACH_SMALL, SEED) for form in SMALL]
    subjects += _random_subjects()
    assert _killed(subjects, tmp_path, capsys) >= AT_LEAST


@pytest.mark.soak
def test_nothing_wrong_passes_in_fused_kernels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subjects = [
        subject(form, OF_EACH_FUSED, seed) for seed in FUSED_SEEDS for form in (*FUSED, *STAGED)
    ]
    assert _killed(subjects, tmp_path, capsys) >= FUSED_AT_LEAST


def _killed(subjects: list[Subject], folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """How many are, where none escapes."""
    found = outcomes(subjects, folder)
    with capsys.disabled():
        seeds = ", ".join(map(str, sorted({one.seed for one in subjects})[-3:]))
        print(f"\nseeds up to {seeds}: {len(counted(found))} mutants that compile, of which")
        print(table(found))
        print("\n\n".join(escaped(found)))
    assert escaped(found) == []
    return len(killed(found))


def _random_subjects() -> list[Subject]:
    """Convolutions and matrix products of random sizes under random schedules."""
    rng = random.Random(SEED)
    made: list[Subject] = []
    while len(made) < RANDOM_KERNELS:
        primitive = random_problem(rng)
        nest = loop_nest(primitive).nest
        try:
            kernel = generate(fitted(nest, random_schedule(nest, rng)))
        except ScheduleError:
            continue
        name = "random with threads" if kernel.openmp else "random"
        made.append(Subject(name, primitive, kernel, OF_EACH_RANDOM, len(made)))
    return made
