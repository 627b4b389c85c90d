"""Operands that lie apart along the lanes, or leave their tensors: by both oracles."""

from __future__ import annotations

import subprocess
from functools import partial
from math import inf
from pathlib import Path
from random import Random

import pytest

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from harness.random_nests import random_nest
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.codegen.targets import c_compiler
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.lines import primitive_of

IJ = ["i", "j"]
nest = partial(primitive_of, {"i": 7, "j": 21, "k": 3})
APART = nest({"x": ["i", "2*j"], "y": IJ}, "y[i,j] = x[i, 2*j] + 1")
TRANSPOSED = nest({"x": ["j", "i"], "y": IJ}, "y[i,j] = x[j,i] * x[j,i]", plain=["x"])
KEPT = nest({"x": ["i", "k"], "w": ["3*j"], "y": IJ}, "y[i,j] += abs(x[i,k] - w[3*j])")
SHIFTED = nest({"x": IJ, "y": IJ}, "y[i,j] = tanh(x[i - 1, j - 2])", outside={"x": 3})
COUNTING = nest(
    {"x": ["i", "j"], "y": IJ}, "y[i,j] += abs(x[i + k - 1, j - 1] - 2)", outside={"x": 0.5}
)
WINDOW = nest(
    {"x": ["i", "j"], "y": IJ}, "y[i,j] = max(y[i,j], x[i, 2*j + k - 9])", outside={"x": 1}
)
POOLED = nest(  # its taps run around the tiles, some of them outside
    {"x": ["5*j", "i"], "y": IJ}, "y[i,j] = max(y[i,j], x[5*j, i + k - 1])", outside={"x": -inf}
)
SUMMED = nest({"x": IJ, "y": ["i"]}, "y[i] += x[i - 1, j - 2] * x[i, j]", outside={"x": 2})
SCHEDULES = [
    (APART, "lanes/vector:j.8/tile:j.2+i.3/order:i+j", "vec_strided_2"),
    (TRANSPOSED, "lanes/vector:j.8/tile:j.1+i.4/order:i+j", "vec_gathered_"),
    (KEPT, "lanes/vector:j.8/tile:j.2+i.2/order:i+j+k", "k1a"),
    (SHIFTED, "lanes/vector:j.8/tile:j.2+i.3/order:i+j", "vec_between"),
    (SHIFTED, "lanes/vector:i.4/tile:i.1+j.7/order:j+i/layout:x.ba+y.ba", "vec_between"),
    (COUNTING, "lanes/vector:j.8/tile:j.1+i.3/order:i+j+k/unroll:3", "vec_between"),
    (COUNTING, "lanes/vector:j.8/tile:j.1/order:k@1+j+i+k/block:k@1.2", "vec_between"),
    (POOLED, "lanes/vector:j.8/tile:i.3/order:k+i+j/layout:x.ab", "vec_gathered_"),
    (WINDOW, "lanes/vector:j.8/tile:j.2+i.3/order:i+j+k", "vec_edged"),
    (SUMMED, "dot/vector:j.8/tile:j.2+i.3/order:i+j", "vec_between"),
    (SUMMED, "lanes/vector:i.4/order:i+j", "vec_gathered_"),
]


@pytest.mark.parametrize(("primitive", "text", "calls"), SCHEDULES)
def test_what_is_more_than_a_load(primitive: Primitive, text: str, calls: str) -> None:
    tree = fitted(loop_nest(primitive).nest, parse_schedule(text))
    assert by_isl(tree) is None and uncovered(tree) is None
    assert calls in generate(tree).text


def test_gcc_reads_builtins_that_all_its_versions_have() -> None:
    """gcc 11 knows none of clang's names for shuffles."""
    text = generate(fitted(loop_nest(APART).nest, parse_schedule(SCHEDULES[0][1]))).text
    command = [c_compiler(), "-E", "-xc", "-"]
    seen = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    assert "__builtin_shuffle(" in seen and "__builtin_shufflevector" not in seen


def test_by_both_oracles(tmp_path: Path) -> None:
    cases = [(primitive, parse_schedule(text)) for primitive, text, _ in SCHEDULES]
    check_cases(cases, tmp_path, "reads", level="-O1")


def test_a_kept_operand_is_read_before_the_loops() -> None:
    schedule = parse_schedule("lanes/vector:j.8/tile:j.2+i.2/order:i+j+k")
    text = generate(fitted(loop_nest(KEPT).nest, schedule)).text
    body = text[text.index("static void tile0") :]
    assert body.index("vec_strided_3") < body.index("for (")


def test_two_edges_along_the_lanes_are_refused() -> None:
    diagonal = nest({"x": ["j", "j"], "y": IJ}, "y[i,j] = x[j - 1, j - 1]", outside={"x": 0})
    with pytest.raises(ScheduleError) as error:
        fitted(loop_nest(diagonal).nest, parse_schedule("lanes/vector:j.8/order:i+j"))
    assert "leaves its tensor along j in two dimensions" in str(error.value)


def test_random_nests(tmp_path: Path) -> None:
    check_random_nests(tmp_path, seed=5, count=12)


def check_random_nests(folder: Path, seed: int, count: int, parts: int = 2) -> None:
    """Small random nests, two candidates each for two machines and one or two threads."""
    random = Random(seed)
    cases: list[Case] = []
    for number in range(count):
        seconds = random.choice([(1e-9, 1e-8), (1e-8, 2e-7)])
        primitive = primitive_from(random_nest(f"random{number}", random, seconds))
        for schedule in _drawn(primitive, random):
            tree = fitted(loop_nest(primitive).nest, schedule)
            assert by_isl(tree) is None and uncovered(tree) is None, f"{primitive}: {schedule}"
            cases.append((primitive, schedule))
        if len(cases) > 100 or number == count - 1:
            check_cases(cases, folder, f"nests{number}_", parts)
            cases = []


def _drawn(primitive: Primitive, random: Random) -> list[Schedule]:
    found: list[Schedule] = []
    for machine in random.sample([NEON, AVX2, AVX512], 2):
        threads, fuse = random.choice([1, 1, 2]), random.random() < 0.7
        of_machine = candidates(loop_nest(primitive).nest, machine, threads, fuse)
        found += random.sample(of_machine, k=min(2, len(of_machine)))
    return found
