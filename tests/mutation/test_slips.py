"""What a generator could get wrong, by name: verification sees each of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.mutation.forms import FUSED, SMALL
from tests.mutation.judge import NOT_CAUGHT, NOT_COMPILED, Verdict
from tests.mutation.outcomes import PROCESSES, clean_processes, subject, verdicts

FORMS = {form.name.removeprefix("fused: "): form for form in (*SMALL, *FUSED)}
LAST = "if (at_k + 4 >= 9) {"  # whether the piece of the reduction is the last one
# By form: what goes wrong, in the text's last place that reads so.
SLIPS: dict[str, dict[str, tuple[str, str]]] = {
    "a copy for each piece of a reduction": {
        "not combined": ("      sum += t_private_c[p * 96 + i];\n", "      ;\n"),
        "one copy left out": ("p < 2", "p < 1"),
        "one copy twice": ("t_private_c[p * 96 + i]", "t_private_c[i]"),
        "all pieces in one copy": ("((c0) / 3 ? t_private_c + ((c0) / 3 - 1) * 96 : t_c)", "t_c"),
        "the next piece goes on with it": ("((c0) / 3 - 1) * 96", "0"),
        "a copy never starts": ("if (at_k % 12 != 0) {", "if (at_k != 0) {"),
        "a copy starts again": ("if (at_k % 12 != 0) {", "if (0) {"),
        "products of copies": ("sum += t_private_c", "sum *= t_private_c"),
    },
    "copies of minima": {
        "start at zero": ("t_private_out[i] = __builtin_inff()", "t_private_out[i] = 0.0f"),
        "start nowhere": ("t_private_out[i] = __builtin_inff()", "(void)i"),
        "not combined": ("      least = minimum(least, t_private_out[p * 32 + i]);", "      ;"),
        "maximum of the minima": ("minimum(least, t_private_out", "maximum(least, t_private_out"),
    },
    "bias and ReLU": {
        "bias of the next element": ("LOAD(in0 + 0)", "LOAD(in0 + 1)"),
        "bias of the next vector": ("LOAD_PART(in0 + 8, 5)", "LOAD_PART(in0 + 0, 5)"),
        "no ReLU": ("vec_max((a2v1 + e0), SPLAT(0.0f))", "(a2v1 + e0)"),
        "no bias": ("vec_max((a2v1 + e0), ", "vec_max(a2v1, "),
        "ReLU first": ("vec_max((a2v1 + e0), SPLAT(0.0f))", "vec_max(a2v1, SPLAT(0.0f)) + e0"),
    },
    "normalisation of packed pixels": {
        "scale of the next channel": ("e0 = in0[1]", "e0 = in0[0]"),
        "shift for scale": ("(a1v0 * e0) + e1", "(a1v0 * e1) + e0"),
        "shift first": ("(a1v0 * e0) + e1", "(a1v0 + e1) * e0"),
        "partial store widened": ("STORE_PART(out + 110, y0, 6)", "STORE(out + 110, y0)"),
        "by one element": ("STORE_PART(out + 110, y0, 6)", "STORE_PART(out + 110, y0, 7)"),
        "partial store narrowed": ("STORE_PART(out + 110, y0, 6)", "STORE_PART(out + 110, y0, 5)"),
    },
    "residual, cut reduction": {
        "does not wait": ("if (at_ic + 4 >= 10) {", "if (1) {"),
        "waits for ever": ("if (at_ic + 4 >= 10) {", "if (0) {"),
        "inverted": ("if (at_ic + 4 >= 10) {", "if (at_ic + 4 < 10) {"),
        "a piece early": ("if (at_ic + 4 >= 10) {", "if (at_ic + 8 >= 10) {"),
        "earlier sums not loaded": ("if (at_ic != 0) {", "if (0) {"),
        "residual of the next row": ("LOAD(in1 + 8)", "LOAD(in1 + 56)"),
        "sums stored by the last piece alone": ("    STORE(out + 8, a1v0);\n", ""),
        "result not stored": ("        STORE(out + 8, y0);\n", ""),
    },
    "GELU": {
        "another accumulator": ("held[2] = {a0v0, a1v0}", "held[2] = {a1v0, a0v0}"),
        "the same accumulator": ("held[i_m]", "held[0]"),
        "a quarter": ("(0.5f * y0)", "(0.25f * y0)"),
        "erf with another sign": ("vec_erf((", "-vec_erf(("),
        "erf of c": ("(y0 / __builtin_sqrtf(2.0f))", "y0"),
        "a coefficient 1 % off": ("-0x1.78b460p-4f", "-0x1.7c78d4p-4f"),
        "erf cut off early": ("SPLAT(3.8f)", "SPLAT(2.0f)"),
    },
    "clip": {
        "clipped at 7": ("SPLAT(6.0f)", "SPLAT(7.0f)"),
        "a maximum for a minimum": ("vec_min(vec_max(a2v0", "vec_max(vec_max(a2v0"),
    },
    "leaky ReLU, cut reduction": {
        "a slope of 0.1": ("(0.01f * a1v1)", "(0.1f * a1v1)"),
        "of the neighbour": ("(0.01f * a1v1)", "(0.01f * a0v1)"),
    },
    "sigmoid along rows": {
        "exp cut off at 20": ("SPLAT(89.0f)", "SPLAT(20.0f)"),
        "a coefficient 1 % off": ("0x1.555492p-3f", "0x1.58beb3p-3f"),
        "another power": ("0x1.715476p+0f", "0x1.7505f2p+0f"),
        "a function of the sum": ("vec_exp((-held[i_n]))", "(-held[i_n])"),
    },
    "tanh and a product of it, cut": {
        "sums to the other output": ("STORE_PART(out + 0, av0, 5)", "STORE_PART(out1 + 0, av0, 5)"),
        "outputs exchanged": ("STORE_PART(out + 0, y0, 5)", "STORE_PART(out + 0, y1, 5)"),
        "product first": ("y0 = vec_tanh((held[0] + e0))", "y0 = vec_tanh((held[0] * e1 + e0))"),
        "a piece early": (LAST, "if (at_k + 4 >= 8) {"),
    },
    "dot: matrix times vector": {
        "what is left is left out": ("r_k < 6", "r_k < 5"),
        "what is left counts twice": ("for (long r_k = 5;", "for (long r_k = 4;"),
        "one lane too few": ("LOAD_PART(q1 + 0, 3)", "LOAD_PART(q1 + 0, 2)"),
        "one lane too many": ("LOAD_PART(q0 + 83, 3)", "LOAD_PART(q0 + 83, 4)"),
        "a vector is not joined": ("join_add((l1v0 + l1v1))", "join_add(l1v0)"),
        "of another row": ("join_add((l1v0 + l1v1))", "join_add((l0v0 + l1v1))"),
        "lanes are halved once less": ("  x = (x + SHUFFLE(x, 1, 0, 3, 2, 5, 4, 7, 6));\n", ""),
        "the vector before": ("const vec e1v1 = LOAD(q1 + 8)", "const vec e1v1 = LOAD(q1)"),
    },
    "dot: variance, cut reduction": {
        "lanes past the end count": ("FILL_PART(((e0v1 - e1) * (e0v1 - e1)), 5, (vec){0})",
                                     "((e0v1 - e1) * (e0v1 - e1))"),
        "earlier sums are forgotten": ("if (at_k != 0) {", "if (0) {"),
        "earlier sums before there are any": ("if (at_k != 0) {", "if (1) {"),
        "does not wait": ("if (at_k + 32 >= 45) {", "if (1) {"),
        "the rest of every piece": ("r_k < (min(32, 45 - at_k) + 15) / 16", "r_k < 3"),
    },
    "in place": {
        "read after it is overwritten": (
            "        const vec e0 = LOAD_PART(in0 + 20, 4);",
            "        STORE_PART(out2 + 20, vec_max(a1v0, SPLAT(0.0f)), 4);\n"
            "        const vec e0 = LOAD_PART(in0 + 20, 4);",
        ),
        "written by every piece": (
            "    STORE_PART(out + 20, a1v0, 4);\n  }",
            "    STORE_PART(out + 20, a1v0, 4);\n"
            "    STORE_PART(t_x + at_m * 20 + at_n, a0v0, 4);\n  }",
        ),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def clean() -> Iterator[ProcessPoolExecutor]:
    with clean_processes(PROCESSES) as pool:
        yield pool


def test_each_is_caught(clean: ProcessPoolExecutor, tmp_path: Path) -> None:
    waiting: list[tuple[str, dict[str, tuple[str, str]], Future[list[Verdict]]]] = []
    for name, slips in SLIPS.items():
        made = subject(FORMS[name], 0, 0)
        texts = []
        for old, new in slips.values():
            before, found, after = made.kernel.text.rpartition(old)
            assert found, f"{name}: no {old}"
            texts.append(before + new + after)
        told = clean.submit(verdicts, made, texts, tmp_path / str(len(waiting)))
        waiting.append((name, slips, told))
    escaped = [
        (name, slip, verdict)
        for name, slips, told in waiting
        for slip, verdict in zip(slips, told.result(), strict=True)
        if verdict.by in (*NOT_CAUGHT, NOT_COMPILED)
    ]
    assert escaped == [], escaped
