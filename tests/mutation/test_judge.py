"""The judge of what verification lets through: it must see what verification does not."""

from __future__ import annotations

import pytest

from harness.kernel.toolchain import Toolchain
from tests.mutation.forms import SMALL
from tests.mutation.judge import (
    EQUIVALENT,
    ESCAPED,
    NOT_COMPILED,
    OTHER_ROUNDING,
    SEEDS,
    WIDE_SEEDS,
    Judge,
)
from tests.mutation.outcomes import subject


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Judge, str]:
    folder = tmp_path_factory.mktemp("judge")
    form = next(form for form in SMALL if form.name == "reduction split twice")
    made = subject(form, 0, 0)
    toolchain = Toolchain.opened(folder / "cache")
    return Judge(made.primitive, made.kernel, toolchain, folder / "data"), made.kernel.text


def test_each_run_of_the_judge_has_inputs_of_its_own(judged: tuple[Judge, str]) -> None:
    assert len(set(judged[0].right)) == len(SEEDS) + len(WIDE_SEEDS)


@pytest.mark.parametrize(
    ("old", "new", "by"),
    [
        ("STEP;", ";", EQUIVALENT),
        ("vec a0v0 = (vec){0};", "vec a0v0 = nothing;", NOT_COMPILED),
        ("vec a0v0 = (vec){0};", "for (;;) STEP; vec a0v0;", "timeout"),
        ("STORE(out + 0", "STORE(out + 300", "guard pages"),
        ("a0v0 += w0", "__builtin_trap(); a0v0 += w0", "crash"),
        # from the last term to the first
        ("r_k = 0; r_k < (min(4, 10 - at_k) + 0) / 1; ++r_k",
         "r_k = min(4, 10 - at_k) - 1; r_k >= 0; --r_k", OTHER_ROUNDING),
        # wrong for values that no round of verification has
        ("void polydl_kernel(void *const *buffers)\n{",
         "void polydl_kernel(void *const *buffers)\n{\n"
         "  float *a = buffers[0];\n"
         "  for (long i = 0; i < 60; ++i) if (a[i] > 1e6f) a[i] = 0;", ESCAPED),
    ],
)  # fmt: skip
def test_what_becomes_of_a_change(old: str, new: str, by: str, judged: tuple[Judge, str]) -> None:
    judge, text = judged
    assert old in text
    assert judge.verdict(text.replace(old, new)).by == by
