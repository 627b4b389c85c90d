"""Accumulators that decide an output, against changing each of them and looking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.problem.deciding import accumulations, all_decide, deciding
from compiler.problem.exact import exact_form
from compiler.problem.memory import Memory, memory_of
from compiler.problem.primitive import Primitive
from compiler.problem.reference import run
from compiler.problem.specification import primitive_from
from tests.compiler.problem.chains import CHAINS, ROUNDED, SHIPPED
from tests.compiler.problem.operators import AVERAGE_POOL, DEPTHWISE, MAX_POOL
from tests.compiler.problem.test_exact import inputs_of

CASES: dict[str, dict[str, Any]] = {
    **{name: CHAINS[name] for name in CHAINS if name != "one term"},
    **{name: spec for name, (spec, _) in ROUNDED.items()},
    "depthwise": DEPTHWISE,
    "max_pool": MAX_POOL,
    "average_pool": AVERAGE_POOL,
    "bias": SHIPPED["conv2d_bias_relu"],
    "gelu": SHIPPED["matmul_bias_gelu"],
}


def outputs_with(
    primitive: Primitive, inputs: dict[str, Any], number: int, at: int, change: float
) -> list[Any]:
    """All outputs when one element is changed behind statement `number`."""
    values = memory_of(primitive, inputs)
    target = primitive.statements[number].target.tensor

    def alter(following: int, values: Memory) -> None:
        if following == number + 1:
            where = np.unravel_index(at, values.shapes[target])
            values.interior(target)[where] += change

    count = len(primitive.statements)
    run(primitive, values, 0, count, alter)
    alter(count, values)
    return [values.interior(t.name).copy() for t in primitive.tensors if t.role == "output"]


@pytest.mark.parametrize("name", CASES)
def test_what_decides_changes_an_output(name: str) -> None:
    primitive = primitive_from(CASES[name])
    form = exact_form(primitive)
    inputs = inputs_of(primitive, form)
    outputs = (*form.equal, *form.rounded)
    found = deciding(primitive, inputs, form.statements, outputs)
    assert tuple(sorted(found)) == accumulations(primitive)
    small = 2.0**-10
    for number, mask in found.items():
        shape = primitive.tensor(primitive.statements[number].target.tensor).shape
        assert mask.shape == shape
        plain = outputs_with(primitive, inputs, number, 0, 0.0)
        chosen = np.random.default_rng(0).permutation(mask.size)[:40]
        for at in chosen:
            changed = any(
                (one != other).any()
                for change in (small, -small)
                for one, other in zip(
                    plain, outputs_with(primitive, inputs, number, at, change), strict=True
                )
            )
            assert changed == mask.flat[at], (number, at)


@pytest.mark.parametrize("name", CASES)
def test_what_is_told_from_the_statements_is_true(name: str) -> None:
    primitive = primitive_from(CASES[name])
    form = exact_form(primitive)
    found = deciding(
        primitive, inputs_of(primitive, form), form.statements, (*form.equal, *form.rounded)
    )
    if all_decide(primitive):
        assert all(mask.all() for mask in found.values())


def test_which_need_no_look() -> None:
    told = {name for name, spec in CASES.items() if all_decide(primitive_from(spec))}
    assert told == {"depthwise", "max_pool", "powers of two", "shifted before it is scaled"}
