"""Mutants that verification let pass once, and what has caught them since."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.compiler.problem.operators import matmul
from tests.mutation.forms import SMALL, Form
from tests.mutation.judge import NOT_CAUGHT, NOT_COMPILED
from tests.mutation.outcomes import clean_processes, subject, verdict

FORMS = {form.name: form for form in SMALL}
OVERLAPPING = Form(
    "tiles of two threads overlap",
    {**matmul(m=9, n=4, k=1), "plain": ["a", "b"]},
    "pixels/vector:n.1/tile:m.2/order:m+n@1+n/block:n@1.8/parallel:m+n@1/layout:b.aB1b+c.ba",
)
ROW = "for (long i_n = 0; i_n < 7; ++i_n) {\n      most ="
LAST = "for (long i = 0; i < 32; ++i) t_out[i] = -__builtin_inff();"
ESCAPES = (
    # rows that are far below another one's maximum, or below where it starts, divide 0 by 0
    (FORMS["softmax"], ROW, ROW.replace("< 7", "< 8")),
    (FORMS["softmax"], "t_t[i] = -__builtin_inff();", "t_t[i] = 1.0f;"),
    # an element that is not initialised is large in one run, and very negative in another
    (FORMS["maximum over windows"], LAST, LAST.replace("< 32", "< 31")),
    (FORMS["maximum over windows"], "t_out[i] = -__builtin_inff();", "t_out[i] = 0.0f;"),
    (FORMS["minimum, elements without a writer"],
     "t_z[i] = __builtin_inff();", "t_z[i] = 1.0f;"),
    # a register that nobody sets
    (FORMS["wide borders, padded lanes"], "vec a0_0v0 = (vec){0};", "vec a0_0v0;"),
    # twelve outputs are few for the upper end of a clip
    (FORMS["GELU, tanh, exp"], "6.0f", "5.0f"),
    # behind the addresses of the buffers there may be one of something else
    (FORMS["GELU, tanh, exp"], "t_c = buffers[5];", "t_c = buffers[6];"),
    # what one thread writes over another's tile is right as long as the other one is later
    (OVERLAPPING, "if (p0 <= 3) {", "if (p0 <= 6) {"),
)  # fmt: skip


@pytest.fixture(scope="module")
def clean() -> Iterator[ProcessPoolExecutor]:
    with clean_processes(1) as pool:
        yield pool


@pytest.mark.parametrize(("form", "old", "new"), ESCAPES, ids=[new for _, _, new in ESCAPES])
def test_it_is_caught(
    form: Form, old: str, new: str, clean: ProcessPoolExecutor, tmp_path: Path
) -> None:
    made = subject(form, 0, 0)
    before, found, after = made.kernel.text.rpartition(old)
    assert found
    told = clean.submit(verdict, made, before + new + after, tmp_path).result()
    assert told.by not in (*NOT_CAUGHT, NOT_COMPILED), told
