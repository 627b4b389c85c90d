"""Short loops as straight code that reads each element once: by both oracles, and their text."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from compiler.codegen.generate import generate
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.batch import check_cases
from tests.compiler.problem.lines import primitive_of

SIZES = {"i": 9, "j": 40, "k": 3, "l": 2}
nest = partial(primitive_of, SIZES)
Y = ["i", "j"]
ROWS = nest(  # rows of 43 elements: vectors start anywhere
    {"x": ["i + k - 1", "43"], "w": ["k"], "y": Y}, "y[i,j] += x[i + k, j + 3] * w[k]"
)
APART = nest({"x": ["2*i + k", "3*j"], "y": Y}, "y[i,j] = max(y[i,j], x[2*i + k, 3*j])")
TWO = nest(
    {"x": ["i + k - 1", "41"], "w": ["k", "j"], "v": ["i"], "y": Y},
    "y[i,j] += abs(x[i + k, j + 1] - w[k,j]) * v[i]",
    "y[i,j] = y[i,j] * 2",
)
WHOLE = nest({"x": ["i + k - 1", "j"], "y": Y}, "y[i,j] += x[i + k, j] * x[i + k, j]")
BORDER = nest({"x": ["i", "41"], "y": Y}, "y[i,j] += x[i + k - 1, j + 1] * 2", outside={"x": 0})
CASES = [
    (ROWS, "lanes/vector:j.8/tile:j.2+i.4/order:i+j+k/unroll:3", True),
    (APART, "lanes/vector:j.8/tile:j.1+i.3/order:i+j+k/unroll:3", True),
    (TWO, "lanes/vector:j.8/tile:j.1+i.5/order:j+i+k/fusion:S1.tile/unroll:3", True),
    (ROWS, "lanes/vector:j.8/tile:j.4+i.9/order:i+j+k/unroll:3", False),  # too few registers
    (ROWS, "lanes/vector:j.8/tile:j.2+i.4/order:i+j+k", False),  # printed once, run three times
    (WHOLE, "lanes/vector:j.8/tile:j.1+i.4/order:i+j+k/unroll:3", False),  # aligned
    (BORDER, "lanes/vector:j.8/tile:j.1+i.3/order:i+j+k/unroll:3", False),  # taps are left out
]


def text_of(primitive: Primitive, schedule: str) -> str:
    text = generate(fitted(loop_nest(primitive).nest, parse_schedule(schedule))).text
    return text[text.index("static void tile0") :]


@pytest.mark.parametrize(("primitive", "schedule", "straight"), CASES)
def test_where_there_is_a_loop(primitive: Primitive, schedule: str, straight: bool) -> None:
    assert ("for (long r_k" not in text_of(primitive, schedule)) == straight


def test_each_element_is_read_once() -> None:
    text = text_of(ROWS, CASES[0][1])
    text = text[: text.index("\n}")]
    loads = re.findall(r"LOAD\((.*?)\);", text)
    assert len(loads) == len(set(loads)) == 2 * 5  # three points and three taps have five rows
    assert text.count(" += ") == 2 * 3 * 3


def test_by_both_oracles(tmp_path: Path) -> None:
    cases = [(primitive, parse_schedule(text)) for primitive, text, _ in CASES]
    check_cases(cases, tmp_path, "windows", level="-O1")
