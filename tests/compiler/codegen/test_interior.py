"""Straight code where a register tile stays inside its tensors: by both oracles, and its text."""

from __future__ import annotations

import re
from functools import partial
from math import inf
from pathlib import Path

import pytest

from compiler.codegen.generate import generate
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.batch import check_cases
from tests.compiler.problem.lines import primitive_of

SIZES = {"i": 9, "j": 40, "k": 21, "l": 4, "m": 3}
nest = partial(primitive_of, SIZES)
Y = ["i", "j"]
STEPS = nest({"x": ["k - 4", "j"], "y": Y}, "y[i,j] += abs(x[k - 2, j])", outside={"x": 2})
TWO_LOOPS = nest(
    {"x": ["i + k - 5", "l - 1", "j - 1"], "w": ["l"], "y": Y},
    "y[i,j] = max(y[i,j], x[i + k - 3, l - 1, j] * w[l])",
    outside={"x": 1},
)
WINDOW = nest(
    {"x": ["i", "j"], "y": Y},
    "y[i,j] += abs(x[i + l - 2, j + m - 1] - 3)",
    outside={"x": 0.5},
)
SUMMED = nest({"x": ["i", "j - 3"], "y": ["i"]}, "y[i] += abs(x[i - 1, j - 1])", outside={"x": 2})
SHORT = nest({"x": ["l - 2", "i"], "y": ["i", "l"]}, "y[i,l] = x[l - 1, i] + 1", outside={"x": 1})
CHAIN = nest(
    {"x": ["i", "k", "j"], "y": Y, "w": ["j", "i"], "z": Y},
    "y[i,j] += abs(x[i, k - 1, j])",
    "z[i,j] = y[i,j] * w[j - 2, i - 1]",
    outside={"x": 1, "w": inf},
)
NEIGHBOURS = nest(
    {"x": Y, "y": Y, "z": Y},
    "y[i,j] = x[i, j - 1] + 1",
    "z[i,j] = max(y[i,j] - y[i - 2, j], 0)",
    outside={"x": 1, "y": 4},
    temporary=["y"],
)
CASES = [
    (STEPS, "lanes/vector:j.8/tile:j.2+i.3/order:i+j+k/unroll:4"),
    (STEPS, "lanes/vector:j.8/tile:j.1/order:i+j+k@1+k/block:k@1.8"),
    (STEPS, "lanes/vector:j.8/tile:j.2/order:k@1+i+j+k/block:k@1.8/unroll:2"),
    (TWO_LOOPS, "lanes/vector:j.8/tile:j.1+i.4/order:i+j+k+l/unroll:4"),
    (TWO_LOOPS, "lanes/vector:j.8/tile:j.2+i.2/order:i+j+l+k/unroll:4"),
    (TWO_LOOPS, "lanes/vector:i.8/tile:i.1+j.4/order:j+i+k+l/layout:y.ba"),
    (WINDOW, "lanes/vector:j.8/tile:j.2+i.4/order:i+j+l+m/unroll:3"),
    (WINDOW, "lanes/vector:j.8/tile:j.1/order:l+i+j+m"),
    (SUMMED, "dot/vector:j.8/tile:j.2+i.3/order:i+j"),
    (SUMMED, "lanes/vector:i.4/tile:i.2/order:i+j/layout:x.ba"),
    (SHORT, "lanes/vector:l.4/tile:l.1+i.3/order:i+l/layout:x.ba"),
    (CHAIN, "lanes/vector:j.8/tile:j.2+i.2/order:i+j+k/fusion:S1.tile/layout:w.ba/unroll:4"),
    (
        NEIGHBOURS,
        "lanes/vector:j.8/tile:j.2/order:i+j/lanes/vector:j.8/tile:j.2+i.1/order:i@1+i+j/block:i@1.3"
        "/fusion:S0.i@1",
    ),
]


@pytest.mark.parametrize(("primitive", "text"), CASES)
def test_they_fit(primitive: Primitive, text: str) -> None:
    tree = fitted(loop_nest(primitive).nest, parse_schedule(text))
    assert by_isl(tree) is None and uncovered(tree) is None


@pytest.mark.parametrize("level", ["-O1", "-O2"])
def test_by_both_oracles(tmp_path: Path, level: str) -> None:
    cases = [(primitive, parse_schedule(text)) for primitive, text in CASES]
    check_cases(cases, tmp_path, "inside", level=level)


def text_of(primitive: Primitive, schedule: str) -> str:
    text = generate(fitted(loop_nest(primitive).nest, parse_schedule(schedule))).text
    return text[text.index("static void tile0") :]


def test_the_steps_that_are_inside_ask_nothing() -> None:
    text = text_of(STEPS, CASES[0][1])
    asking, straight, _ = re.findall(r"for \(long r_k = .*?\n\s+}\n\s+}", text, re.DOTALL)[:3]
    assert "?" in asking and "unroll" not in asking
    assert "?" not in straight and "LOAD(q0" in straight
    assert "#pragma GCC unroll 4\n" in text


def test_a_tap_printed_whole_is_decided_with_the_tile() -> None:
    text = text_of(WINDOW, "lanes/vector:j.8/tile:j.1/order:i+j+l+m/unroll:3")
    assert "first" not in text and re.search(r"if \(\(at_i .*r_l.* - 2\) >= 0", text)


def test_a_tile_that_is_never_inside_only_asks() -> None:
    text = text_of(SHORT, "lanes/vector:l.4/tile:l.1+i.3/order:i+l/layout:x.ba")
    assert "if (" not in text and "vec_between" in text
