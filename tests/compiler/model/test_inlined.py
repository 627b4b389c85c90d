from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.model.inlined import inlined
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from

TENSORS = {"x": ["i", "j"], "w": ["j"], "y": ["i", "j"], "s": ["i"]}
BESIDE = {"x": ["i", "j"], "w": ["j"], "y": ["i", "j"], "z": ["i", "j"]}


def chain(*statements: str, tensors: dict[str, list[str]] = TENSORS, **more: Any) -> Primitive:
    given = {"name": "chain", "sizes": {"i": 4, "j": 6}, "tensors": tensors, "temporary": ["y"]}
    return primitive_from({**given, "statements": list(statements), **more})


def test_a_sum_takes_up_what_it_alone_reads() -> None:
    nest = inlined(chain("y[i,j] = x[i,j] * w[j]", "s[i] += abs(y[i,j])"))
    (statement,) = nest.statements
    assert [str(access) for access in statement.accesses] == ["s[i]", "x[i, j]", "w[j]"]
    assert [tensor.name for tensor in nest.tensors] == ["x", "w", "s"]


def test_indices_follow_the_reader() -> None:
    tensors = {"x": ["i + 1", "j"], "w": ["j"], "y": ["i", "j"], "s": ["n"]}
    nest = inlined(
        chain(
            "y[i,j] = x[i + 1, j] - w[j]",
            "s[n] = max(s[n], y[2*n + m, j])",
            tensors=tensors | {"s": ["n"]},
            sizes={"i": 4, "j": 6, "n": 2, "m": 2},
        )
    )
    (statement,) = nest.statements
    assert [str(access) for access in statement.reads] == ["x[m + 2*n + 1, j]", "w[j]"]
    assert dict(nest.extents) == {"j": 6, "n": 2, "m": 2}


@pytest.mark.parametrize(
    ("statements", "more"),
    [
        (["y[i,j] = x[i,j] * w[j]", "s[i] += y[i,j] * y[i,j]"], {}),  # it would be computed twice
        (["y[i,j] = x[i,j] * w[j]", "s[i] += y[i,j]"], {"temporary": []}),  # somebody wants it
        (["y[i,j] += x[i,j] * w[j]", "y[i,j] = y[i,j] + 1", "s[i] += y[i,j]"], {}),
        (["y[i,j] = x[i,j] * w[j]", "s[i] = max(s[i], y[i, j - 1])"], {"outside": {"y": 0}}),
        (["y[i,j] = y[i, j - 1] + x[i,j] * w[j]", "s[i] += abs(y[i,j])"], {"outside": {"y": 0}}),
        (["y[i,j] = y[i,j] + x[i,j] * w[j]", "s[i] += abs(y[i,j])"], {}),  # neither goes without y
        (["y[i,j] = x[i,j] * w[j]", "z[i,j] = abs(y[i,j])"], {"tensors": BESIDE}),  # no sum
        (  # the last column of y is 0
            ["y[i,j] = x[i,j] * w[j]", "s[i] += abs(y[i,k])"],
            {"tensors": TENSORS | {"y": ["i", "j + 1"]}, "sizes": {"i": 4, "j": 6, "k": 7}},
        ),
        (  # and so is all beside its diagonal
            ["y[i,i] = x[i,i] * 2", "s[i] += y[i,k]"],
            {
                "tensors": {"x": ["i", "i"], "y": ["i", "i"], "s": ["i"]},
                "sizes": {"i": 4, "k": 4},
            },
        ),
        (  # each element of y serves three of s
            ["y[i,j] = x[i,j] * w[j]", "s[n] += y[i,j] * v[j,n]"],
            {
                "tensors": TENSORS | {"s": ["n"], "v": ["j", "n"]},
                "sizes": {"i": 4, "j": 6, "n": 3},
            },
        ),
        (  # w is another one when s is summed
            ["w[j] += x[i,j]", "y[i,j] = x[i,j] * w[j]", "w[j] = w[j] + 1", "s[i] += y[i,j]"],
            {},
        ),
    ],
)
def test_what_stays(statements: list[str], more: dict[str, Any]) -> None:
    primitive = chain(*statements, **more)
    assert inlined(primitive) == primitive


def test_the_values_are_the_same() -> None:
    primitive = chain("y[i,j] = x[i,j] * w[j]", "s[i] += abs(y[i,j])")
    random = np.random.default_rng(1)
    inputs = {"x": random.standard_normal((4, 6)), "w": random.standard_normal(6)}
    one, other = (reference(p, inputs)["s"] for p in (primitive, loop_nest(primitive).nest))
    np.testing.assert_array_equal(one, other)


def test_a_dimension_of_one_iteration_is_not_all_of_a_longer_one() -> None:
    """Its index has no loop: `y[i, i + k, j]` with a single i."""
    spec = {
        "name": "single",
        "sizes": {"i": 1, "j": 7, "k": 8},
        "tensors": {"y": ["i + 1", "k", "j"], "a": ["j"], "z": ["i"]},
        "extents": {"q": "k", "r": "j"},
        "temporary": ["y"],
        "statements": ["y[i, i + k, j] = a[j] + 1", "z[i] += y[i, q, r]"],
    }
    assert len(loop_nest(primitive_from(spec)).nest.statements) == 2
