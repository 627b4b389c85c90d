"""Each operator on a line that has what it changes."""

from __future__ import annotations

import pytest

from tests.mutation.edits import block_edits, edits

NAMES = frozenset(
    {
        "w0",
        "w1",
        "x0",
        "a0v0",
        "a1v0",
        "at_m",
        "at_n",
        "c0",
        "c1",
        "t_a",
        "t_b",
        "vec_max",
        "vec_min",
    }
)


@pytest.mark.parametrize(
    ("line", "operator", "changed"),
    [
        ("for (long r_k = 0; r_k < 12; ++r_k) {", "loop bound",
         "for (long r_k = 0; r_k < 11; ++r_k) {"),
        ("for (long r_k = 0; r_k < 12; ++r_k) {", "comparison",
         "for (long r_k = 0; r_k <= 12; ++r_k) {"),
        ("const long v0 = at_n / 4 * 24;", "stride", "const long v0 = at_n / 4 * 48;"),
        ("const float x0 = sp[6];", "offset", "const float x0 = sp[7];"),
        ("STORE_PART(out + 4, a0v0, 3);", "offset", "STORE_PART(out + 5, a0v0, 3);"),
        ("y = 0.5f * x;", "constant", "y = 1.5f * x;"),
        ("const long v0 = at_n / 4 * 24;", "arithmetic", "const long v0 = at_n / 4 + 24;"),
        ("a0v0 += w0 * x0;", "arithmetic", "a0v0 -= w0 * x0;"),
        ("a0v0 += w0 * x0;", "operand", "a0v0 += w1 * x0;"),
        ("a0v0 += w0 * x0;", "operand", "a1v0 += w0 * x0;"),
        ("  a0v0 += w0 * x0;", "dropped", "  ;"),
        ("tile0(t_a, t_b, c0 * 2);", "exchanged", "tile0(t_b, t_a, c0 * 2);"),
        ("tile0(t_a, t_b, c0 * 2);", "dropped", ";"),
        ("const long d = 4 - at_m;", "exchanged", "const long d = at_m - 4;"),
        ("  vec a0v0 = (vec){0};", "uninitialised", "  vec a0v0;"),
        ("  vec a0v0 = (vec){0};", "start", "  vec a0v0 = (vec){0} + 1.0f;"),
        ("for (long i = 0; i < 4; ++i) t_y[i] = 0.0f;", "uninitialised", ";"),
        ("if (at_m != 0) {", "condition", "if (!(at_m != 0)) {"),
        ("to[i0] = (i0 >= 1 && i0 < 5) ? from[i0] : 0.0f;", "condition",
         "to[i0] = (i0 >= 1 && i0 < 5) ? 0.0f : from[i0];"),
        ("to[i0] = (i0 >= 1 && i0 < 5) ? from[i0] : 0.0f;", "function",
         "to[i0] = (i0 >= 1 || i0 < 5) ? from[i0] : 0.0f;"),
        ("t_y[0] = __builtin_fmaxf(t_y[0], 0.0f);", "function",
         "t_y[0] = __builtin_fminf(t_y[0], 0.0f);"),
        ("most = maximum(most, t_y[0]);", "function", "most = minimum(most, t_y[0]);"),
        ("  sum += t_a[0];", "dropped", "  ;"),
        ("  float sum = 0.0f;", "uninitialised", "  float sum;"),
        ("  float least = __builtin_inff();", "start", "  float least = __builtin_inff() + 1.0f;"),
        ("vec p = -0x1.8p-4f * r;", "coefficient", "vec p = 0x1.8000000000000p-4f * r;"),
        ("vec x = vec_min(SPLAT(89.0f), x);", "constant", "vec x = vec_min(SPLAT(44.5f), x);"),
        ("vec x = vec_min(SPLAT(89.0f), x);", "function", "vec x = vec_max(SPLAT(89.0f), x);"),
        ("const vec e0 = LOAD(in0 + 8);", "offset", "const vec e0 = LOAD(in0 + 16);"),
        ("const vec e0 = LOAD_PART(in0 + 8, 5);", "part", "const vec e0 = LOAD(in0 + 8);"),
        ("STORE(out + 8, y0);", "part", "STORE_PART(out + 8, y0, 1);"),
        ("const vec y0 = vec_max((a0v0 + e0), SPLAT(0.0f));", "left out", "const vec y0 = a0v0;"),
        ("const vec y0 = (held[i_m] + e0);", "operand", "const vec y0 = (held[0] + e0);"),
        ("if (at_k + 4 >= 10) {", "condition", "if (1) {"),
        ("if (at_k != 0) {", "condition", "if (0) {"),
    ],
)  # fmt: skip
def test_an_operator_makes_its_edit(line: str, operator: str, changed: str) -> None:
    assert (operator, changed) in set(edits(line, NAMES, lanes=8))


def test_every_edit_changes_the_line() -> None:
    for line in (
        "a0v0 += w0 * x0;",
        "for (long c0 = 0; c0 <= 4; c0 += 2) {",
        "#pragma omp parallel",
    ):
        assert all(changed != line for _, changed in edits(line, NAMES))
    assert list(edits("}", NAMES)) == []


TILE = """\
const vec e0 = LOAD(in0 + 0);
const vec y0 = (a0v0 + e0);
const vec y1 = vec_max(y0, SPLAT(0.0f));
const vec y2 = (a0v0 * 0.5f);
STORE(out + 0, y1);
STORE(out1 + 0, y2);
} else {
STORE(out + 0, a0v0);
}"""
BLOCKS = {
    "swapped": """\
const vec e0 = LOAD(in0 + 0);
const vec y0 = vec_max(a0v0, SPLAT(0.0f));
const vec y1 = (y0 + e0);
""",
    "stored first": """\
const vec y2 = (a0v0 * 0.5f);
STORE(out1 + 0, y2);
const vec e0 = LOAD(in0 + 0);
""",
    "one branch": """\
STORE(out1 + 0, y2);
}""",
}


@pytest.mark.parametrize("operator", BLOCKS)
def test_an_operator_edits_several_lines(operator: str) -> None:
    lines = TILE.split("\n")
    found = [
        "\n".join([*lines[:first], *after, *lines[first + len(before) :]])
        for name, first, before, after in block_edits(lines)
        if name == operator and lines[first : first + len(before)] == before
    ]
    assert any(BLOCKS[operator] in text for text in found), found
