"""Exact forms: float32 makes no error on their integers, in any order of summation."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from compiler.problem.evaluation import Array
from compiler.problem.exact import ExactForm, exact_form
from compiler.problem.inputs import integer_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference, rounded
from compiler.problem.scales import LIMIT
from compiler.problem.specification import primitive_from
from tests.compiler.problem.chains import CHAINS, FLOAT_ALONE, ROUNDED, SHIPPED
from tests.compiler.problem.operators import OPERATORS, RECURRENCE, conv2d, matmul
from tests.compiler.problem.slow_loops import run_slowly

ALL = {**SHIPPED, **OPERATORS, **CHAINS}
BEHIND_SUMS = (  # what has a division, a function or an odd number in it
    *("matmul_bias_gelu", "average_pool", "chain", "bias_gelu"),
    *("avg_pool2d", "avg_pool2d_exclude_padding", "global_avg_pool2d"),
    *(name for name in SHIPPED if name.startswith("eltwise_") and name != "eltwise_relu"),
)
OTHERS = (
    *(*BEHIND_SUMS, "recurrence", "softmax", "layernorm", "attention", "mlp", "squeeze_excite"),
    *("layernorm_matmul", "matmul_layernorm", "matmul_softmax", "softmax_matmul"),
)
EXACT = [name for name in ALL if name not in OTHERS]
DEEP = {**SHIPPED["conv2d_bn_relu"]["sizes"], "ic": 512}


def inputs_of(
    primitive: Primitive, form: ExactForm, number: int = 1, negated: bool = False
) -> dict[str, Array]:
    """What a round gives, in float32."""
    changed = form.negated if negated else frozenset[str]()
    stored = integer_inputs(primitive, form.largest, 0, number, changed)
    return {
        name: (values * 2.0 ** form.exponents.get(name, 0)).astype(np.float32)
        for name, values in stored.items()
    }


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("name", EXACT)
def test_nothing_is_rounded_in_any_order(name: str, negated: bool) -> None:
    primitive = primitive_from(ALL[name])
    form = exact_form(primitive)
    assert form.why is None and form.rounded == ()
    assert form.statements == len(primitive.statements)
    inputs = inputs_of(primitive, form, negated=negated)
    expected = reference(primitive, inputs)
    fast = reference(primitive, inputs, np.float32)
    orders = [run_slowly(primitive, inputs, np.float32, random.Random(i)) for i in range(2)]
    assert set(form.equal) == expected.keys()
    for output, values in expected.items():
        for found in (fast, *orders):
            assert found[output].dtype == np.float32
            np.testing.assert_array_equal(found[output], values)


@pytest.mark.parametrize("name", ["matmul", "conv2d_bn_relu", "two products", "square"])
def test_the_range_is_as_wide_as_the_worst_case_allows(name: str) -> None:
    """Where all terms are largest and of one sign, R passes and R + 1 does not."""
    primitive = primitive_from(ALL[name])
    form = exact_form(primitive)

    def worst(largest: int) -> float:
        """In units of the products of the inputs' powers of two."""
        inputs = {
            name: np.full(np.shape(v), float(largest))
            for name, v in inputs_of(primitive, form).items()
        }
        return max(float(v.max()) for v in reference(primitive, inputs).values())

    assert worst(form.largest) <= LIMIT < worst(form.largest + 1)


@pytest.mark.parametrize(
    ("spec", "largest"),
    [
        (conv2d(ic=256, oc=16), 85),
        (matmul(k=12544), 36),
        (matmul(k=500000), 5),
        (matmul(k=2**24 - 1), 1),
        (
            SHIPPED["conv2d_bn_relu"] | {"sizes": SHIPPED["conv2d_bn_relu"]["sizes"] | {"ic": 512}},
            15,
        ),
    ],
)
def test_ranges_that_are_known(spec: dict[str, Any], largest: int) -> None:
    assert exact_form(primitive_from(spec)).largest == largest


@pytest.mark.parametrize("name", [*ROUNDED, *BEHIND_SUMS])
def test_what_is_rounded_behind_exact_sums_has_a_known_rounding(name: str) -> None:
    spec, why = ROUNDED[name] if name in ROUNDED else (ALL[name], None)
    primitive = primitive_from(spec)
    form = exact_form(primitive)
    assert form.largest > 0 and form.equal == () and len(form.rounded) == 1
    assert why is None or form.why == why
    inputs = inputs_of(primitive, form)
    found, roundings = rounded(primitive, inputs, form.statements)
    slow = run_slowly(primitive, inputs, np.float32, random.Random(0))
    for output in form.rounded:
        np.testing.assert_allclose(found[output], reference(primitive, inputs)[output], rtol=1e-12)
        error = np.abs(slow[output] - found[output])
        assert (error <= 2.0**-23 * roundings[output]).all()
        # few ulp of what is added up: a term more or less would show
        assert (roundings[output] <= 64 * (1 + np.abs(found[output]))).all()


@pytest.mark.parametrize("name", [*FLOAT_ALONE, "recurrence"])
def test_what_has_no_exact_form_says_why(name: str) -> None:
    spec, why = FLOAT_ALONE.get(name, (RECURRENCE, "statement 1: a recurrence"))
    form = exact_form(primitive_from(spec))
    assert (form.largest, form.equal, form.rounded, form.why) == (0, (), (), why)


@pytest.mark.parametrize("name", ["clip", "matmul_bias_gelu", "gelu, by tanh", "silu"])
def test_arguments_whose_size_matters_deviate_by_about_three(name: str) -> None:
    spec = ROUNDED[name][0] if name in ROUNDED else ALL[name]
    primitive = primitive_from(spec)
    inputs = inputs_of(primitive, exact_form(primitive))
    first = primitive_from(
        {
            **spec,
            "statements": spec["statements"][:1],
            "tensors": {key: value for key, value in spec["tensors"].items() if key in "abc"},
            "constant": [],
        }
    )
    deviation = reference(first, inputs)["c"].std()
    assert 1.5 < deviation < 6


def test_a_negated_round_has_the_opposite_sums() -> None:
    """Of what a rectifier sees: one factor of the product, and all that is added to it."""
    spec = SHIPPED["conv2d_residual_relu"]
    form = exact_form(primitive_from(spec))
    assert form.negated == {"weight", "bias", "residual"}
    bare = {
        **spec,
        "statements": [s.replace("max(", "1*(").replace(", 0)", ")") for s in spec["statements"]],
    }
    primitive = primitive_from(bare)
    one, other = (
        reference(primitive, inputs_of(primitive, form, negated=negated))["out"]
        for negated in (False, True)
    )
    np.testing.assert_array_equal(one, -other)


def test_one_output_may_be_exact_where_another_is_not() -> None:
    spec = matmul()
    spec = {
        **spec,
        "tensors": {**spec["tensors"], "d": ["m", "n"], "s": ["m"]},
        "statements": [*spec["statements"], "d[m,n] = exp(c[m,n])", "s[m] += d[m,n]"],
    }
    form = exact_form(primitive_from(spec))
    assert (form.equal, form.rounded, form.statements) == (("c",), ("d",), 1)
    assert form.why == "statement 2: exp"


def _with_39_more(line: str) -> Primitive:
    """A product, then the line again and again; x0 to x38 are inputs of its own for each."""
    lines = [*matmul()["statements"], *(line.format(i) for i in range(39))]
    more = [f"x{i}" for i in range(39) if any(f"x{i}[" in one for one in lines)]
    tensors = {**matmul()["tensors"], **{name: ["m", "n"] for name in more}}
    return primitive_from({**matmul(m=4, n=5, k=6), "tensors": tensors, "statements": lines})


@pytest.mark.parametrize(
    "line",
    [
        "c[m,n] = c[m,n] * c[m,n]",
        "c[m,n] = c[m,n] * c[m,n] + x{}[m,n]",
        "c[m,n] = max(c[m,n] * c[m,n] * 1024, x{}[m,n])",
    ],
)
def test_squares_of_squares_have_no_exact_form(line: str) -> None:
    """Their integers would have 2**40 digits, and their powers of two pass every number."""
    form = exact_form(_with_39_more(line))
    assert (form.largest, form.equal, form.rounded) == (0, (), ())
    assert form.why is not None and form.why.startswith("statement ")


def test_as_many_statements_as_possible_are_exact() -> None:
    """Of a chain in which each adds digits."""
    form = exact_form(_with_39_more("c[m,n] = max(c[m,n] * x{0}[m,n] * 16 + x{0}[m,n], 0) / 256"))
    assert (form.statements, form.largest) == (7, 4)
    assert form.why == "statement 8: even inputs of 1 pass 2**24"
