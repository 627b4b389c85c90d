"""Versions of tensors and factors in front of sums compute what the statements do."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.baseline.recognition.single_writes import factors_in_front, with_single_writes
from tests.compiler.problem.operators import shipped

SHIPPED = {
    "attention": primitive_from(shipped("attention", heads=2, m=3, n=5, k=4, v=3)),
    "batch_norm": primitive_from(shipped("batch_norm", n=1, c=3, h=2, w=2)),
    "inverted_residual": primitive_from(shipped("inverted_residual", ic=3, c=4, ih=5, iw=4)),
    "layernorm": primitive_from(shipped("layernorm", m=3, n=5)),
    "matmul_bias_gelu": primitive_from(shipped("matmul_bias_gelu", m=3, n=4, k=5)),
    "squeeze_excite": primitive_from(shipped("squeeze_excite", c=4, r=3, h=2, w=3)),
}


def outputs(primitive: Primitive) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    random = np.random.default_rng(0)
    inputs = {
        t.name: random.uniform(0.5, 1.5, t.shape)
        for t in sorted(primitive.tensors, key=lambda t: t.name)
        if t.role == "input" and t.values is None
    }
    return list(reference(primitive, inputs).values())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_has_a_tensor_of_its_own(name: str) -> None:
    primitive = SHIPPED[name]
    apart = with_single_writes(primitive)
    replacing = [s.target.tensor for s in apart.statements if s.reduction is None]
    assert len(set(replacing)) == len(replacing)
    for one, other in zip(outputs(apart), outputs(primitive), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SHIPPED)
def test_factors_in_front_change_nothing_but_rounding(name: str) -> None:
    primitive = with_single_writes(SHIPPED[name])
    moved = factors_in_front(primitive)
    assert (moved != primitive) == (name == "attention")
    for one, other in zip(outputs(moved), outputs(primitive), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_where_the_factor_of_attention_stands() -> None:
    moved = factors_in_front(with_single_writes(SHIPPED["attention"]))
    *_, scaled, product, copy = (statement.text for statement in moved.statements)
    assert scaled.startswith("scores*scale[heads, m, n] = scores[heads, m, n]")
    assert product == "out[heads,m,v] += scores[heads,m,n] * values[heads,n,v]"
    assert copy == "out[heads,m,v] = out[heads,m,v] * scale[heads,m]"
    assert [a.tensor for a in moved.statements[-1].reads] == ["out@0"]


SUMS = "t[m,n] += x[m,k] * w[k,n]", "f[m] += x[m,k]"
BEHIND = {  # a factor behind a sum that cannot stand before it
    "goes on": ("y[m,p] += t[m,n] * v[n,p]", "f[m] += t[m,n]", "y[m,p] = y[m,p] * f[m]"),
    "of a row": ("y[0,p] += t[m,n] * v[n,p]", "y[m,p] = y[m,p] * f[m]"),
    "seen": ("y[m,p] += t[m,n] * v[n,p]", "z[m,p] = y[m,p] * f[m]"),
}


@pytest.mark.parametrize("case", BEHIND)
def test_a_factor_stays_where_the_sum_would_be_another_one(case: str) -> None:
    shapes = {"x": ["m", "k"], "w": ["k", "n"], "v": ["n", "p"]}
    shapes |= {"t": ["m", "n"], "f": ["m"], "y": ["m", "p"]}
    primitive = primitive_from(
        {
            "name": "behind",
            "sizes": {"m": 4, "n": 6, "k": 3, "p": 2},
            "tensors": shapes | ({"z": ["m", "p"]} if case == "seen" else {}),
            "temporary": ["t", "f"],
            "statements": [*SUMS, *BEHIND[case]],
        }
    )
    apart = with_single_writes(primitive)
    assert factors_in_front(apart) == apart
