"""Mutants that verification let pass once, and what has caught them since."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kernel.toolchain import Toolchain
from tests.mutation.forms import SMALL
from tests.mutation.judge import EQUIVALENT, ESCAPED, NOT_COMPILED, Judge
from tests.mutation.outcomes import subject

ROW = "for (long i_n = 0; i_n < 7; ++i_n)\n      t_t["
LAST = "for (long i = 0; i < 32; ++i) t_out[i] = -__builtin_inff();"
ESCAPES = {
    # rows that are far below another one's maximum, or below where it starts, divide 0 by 0
    "softmax": (
        (ROW, ROW.replace("< 7", "< 8")),
        ("t_t[i] = -__builtin_inff();", "t_t[i] = 1.0f;"),
    ),
    # an element that is not initialised is large in one run, and very negative in another
    "maximum over windows": (
        (LAST, LAST.replace("< 32", "< 31")),
        ("t_out[i] = -__builtin_inff();", "t_out[i] = 0.0f;"),
    ),
    "minimum, elements without a writer": (
        ("t_z[i] = __builtin_inff();", "t_z[i] = 1.0f;"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_it_is_caught(name: str, tmp_path: Path) -> None:
    made = subject(next(form for form in SMALL if form.name == name), 0, 0)
    toolchain = Toolchain.opened(tmp_path / "cache")
    judge = Judge(made.primitive, made.kernel, toolchain, tmp_path / "data")
    for old, new in ESCAPES[name]:
        assert old in made.kernel.text
        verdict = judge.verdict(made.kernel.text.replace(old, new, 1))
        assert verdict.by not in (EQUIVALENT, ESCAPED, NOT_COMPILED), verdict
