"""The scalar nest's parallel loops: all that are legal outermost, none that is not."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.lowered import lowered
from compiler.lower.steps import SHARED
from compiler.model.loop_nest import loop_nest
from compiler.problem.dtypes import F32
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from compiler.space.scalar import LINE, as_written, scalar_schedule
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import OPERATORS, shipped


def _nest(tensors: dict[str, Any], *statements: str, **more: Any) -> Primitive:
    spec = {"name": "small", "tensors": tensors, "statements": list(statements), **more}
    return loop_nest(primitive_from(spec)).nest


MATRIX = {"x": ["i", "j"], "y": ["i", "j"]}
SQUARE = {"i": 100, "j": 100}
CASES = {
    "a sum": (_nest({"x": ["i", "j"], "y": ["i"]}, "y[i] += x[i,j]", sizes=SQUARE), "i"),
    "few": (
        _nest({"x": ["i", "j"], "y": ["i"]}, "y[i] += x[i,j]", sizes={"i": 99, "j": 100}), "",
    ),
    "few, of many operations": (
        _nest({"x": ["i"], "y": ["i"]}, "y[i] = exp(x[i])", sizes={"i": SHARED // 10}), "i",
    ),
    "one element": (_nest({"x": ["i", "j"], "y": [1]}, "y[0] += x[i,j]", sizes=SQUARE), ""),
    "a running sum": (
        _nest(MATRIX, "y[i,j] = y[i,j-1] + x[i,j]", outside={"y": 0}, sizes=SQUARE), "i",
    ),
    "a recurrence outside, short inside": (
        _nest(MATRIX, "y[i,j] = y[i-1,j] + x[i,j]", outside={"y": 0}, sizes=SQUARE), "",
    ),
    "a recurrence outside, long inside": (
        _nest(MATRIX, "y[i,j] = y[i-1,j] + x[i,j]", outside={"y": 0}, sizes={"i": 3, "j": SHARED}),
        "j",
    ),
    "a recurrence outside, very long inside": (
        _nest(MATRIX, "y[i,j] = y[i-1,j] + x[i,j]", outside={"y": 0},
              sizes={"i": 16, "j": SHARED}),
        "j@1",
    ),
    "a sum outside, a vector inside": (
        _nest({"x": ["k", "i"], "y": ["i"]}, "y[i] += x[k,i]", sizes={"k": 500, "i": 500}), "i@1",
    ),
    "a sum outside, two loops inside": (
        _nest({"a": ["k", "i"], "b": ["k", "j"], "y": ["i", "j"]}, "y[i,j] += a[k,i] * b[k,j]",
              sizes={"k": 30, "i": 30, "j": 30}), "i",
    ),
    "a diagonal recurrence": (
        _nest(MATRIX, "y[i,j] = y[i-1,j-1] + x[i,j]", outside={"y": 0}, sizes=SQUARE), "",
    ),
    "in place": (
        _nest({**MATRIX, "b": ["j"]}, "y[i,j] = x[i,j] * 2", "y[i,j] = exp(y[i,j]) + b[j]",
              sizes={"i": 3, "j": SHARED}),
        "i+j",
    ),
    "written again by another loop": (
        _nest({"x": ["i", "j"], "y": ["i + j"]}, "y[i+j] = x[i,j]", sizes=SQUARE), "",
    ),
    "overlapping windows": (
        _nest({"x": ["i", "k"], "y": ["i + 2"]}, "y[i+k] += x[i,k]", sizes={"i": 30, "k": 3}), "",
    ),
    "windows side by side": (
        _nest({"x": ["i", "k"], "y": ["3*i + 3"]}, "y[3*i+k] += x[i,k]",
              sizes={"i": SHARED, "k": 3}),
        "i",
    ),
    "a loop that one statement sums over": (
        _nest({**MATRIX, "s": ["j"]}, "y[i,j] = x[i,j]", "s[j] += y[i,j]",
              sizes={"i": 3, "j": SHARED}),
        "j",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_what_no_dependence_forbids_is_parallel(what: str) -> None:
    nest, wanted = CASES[what]
    schedule = scalar_schedule(nest, threads=2)
    assert "+".join(schedule.band.parallel) == wanted
    assert by_isl(lowered(nest, schedule)) is None
    assert scalar_schedule(nest).band.parallel == ()


LONG = SHARED * LINE // F32.bytes
COPIED = {
    "a sum of all": (
        _nest({"x": ["i"], "s": [1]}, "s[0] += x[i]", sizes={"i": LONG}), "i@1+i", "s.i@1",
    ),
    "a maximum, then what reads it": (
        _nest({"x": ["i"], "m": [1], "y": ["i"]}, "m[0] = max(m[0], x[i])", "y[i] = x[i] - m[0]",
              sizes={"i": LONG}),
        "i@1+i", "m.i@1",
    ),
    "too short to wake threads for": (
        _nest({"x": ["i"], "s": [1]}, "s[0] += x[i]", sizes={"i": LONG - 1}), "i", "",
    ),
    "a sum that reads what it has": (
        _nest({"x": ["i"], "s": [1]}, "s[0] += x[i] * s[0]", sizes={"i": LONG}), "i", "",
    ),
    "rows to share": (
        _nest({"x": ["j", "i"], "s": ["j"]}, "s[j] += x[j,i]", sizes={"j": 2, "i": LONG}),
        "j+i", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", COPIED)
def test_a_long_sum_with_nothing_to_share_is_made_of_copies(what: str) -> None:
    nest, order, private = COPIED[what]
    schedule = scalar_schedule(nest, threads=2)
    assert "+".join(schedule.band.order) == order
    assert "+".join(f"{tensor}.{level}" for tensor, level in schedule.band.private) == private
    assert by_isl(fitted(nest, schedule)) is None


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operators_is_legal_as_written_and_normalised(name: str) -> None:
    primitive = primitive_from(OPERATORS[name])
    for nest in (primitive, loop_nest(primitive).nest):
        assert by_isl(lowered(nest, scalar_schedule(nest, threads=3))) is None


@pytest.mark.parametrize("name", ["conv2d_bias_relu", "conv2d_bn_relu", "matmul_bias_gelu"])
def test_several_statements_use_the_threads(name: str) -> None:
    nest = loop_nest(primitive_from(shipped(name))).nest
    for schedule in (scalar_schedule(nest, 2), *candidates(nest, AVX2, 2, fuse=False)[:4]):
        assert all(band.parallel for band in schedule.bands)


ORDERS = {
    "rows of the right factor": (shipped("matmul", m=30, n=30, k=30), "m+k+n"),
    "both factors along k": ({**shipped("matmul", m=30, n=30, k=30), "stored": {"b": [1, 0]}},
                             "m+n+k"),
    "a column or two": (shipped("matmul", m=30, n=2, k=30), "n+m+k"),
    "columns of an image": (shipped("conv2d", ic=30, oc=30, ih=30, iw=30), "oc+oh+kh+kw+ic+ow"),
    "a tiny image": (shipped("conv2d", ic=30, oc=30, ih=4, iw=4), "oc+oh+ow+kh+kw+ic"),
    "sums of columns": (
        {"name": "sums", "sizes": {"i": 30, "j": 30}, "tensors": {"x": ["i", "j"], "y": ["j"]},
         "statements": ["y[j] += x[i,j]"]}, "i+j",
    ),
    "past a loop of another statement": (
        {"name": "two", "sizes": {"i": 30, "k": 30, "p": 30},
         "tensors": {"x": ["i", "k"], "s": ["i"], "v": ["p", "i"], "z": ["p"]},
         "statements": ["s[i] += x[i,k]", "z[p] += v[p,i]"]}, "p+i+k",
    ),
    "a recurrence": (
        {"name": "scan", "sizes": {"t": 30, "i": 30}, "tensors": {"x": ["i", "t"], "y": ["t", "i"]},
         "outside": {"y": 0}, "statements": ["y[t,i] = y[t-1,i+1] + x[i,t]"]}, "t+i",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ORDERS)
def test_the_innermost_loop_loads_and_stores_the_least(what: str) -> None:
    spec, wanted = ORDERS[what]
    schedule = scalar_schedule(loop_nest(primitive_from(spec)).nest)
    assert "+".join(schedule.band.order) == wanted


def test_as_written_is_the_order_of_the_primitive() -> None:
    nest = primitive_from(shipped("matmul"))
    assert as_written(nest).band.order == ("m", "n", "k")
    assert as_written(nest, threads=2).band.parallel == ("m",)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_statement_behind_a_sum_of_one_element_has_no_loop(threads: int) -> None:
    nest = loop_nest(primitive_from(shipped("matmul_bias_gelu", m=1, n=1, k=8))).nest
    assert [s.loops for s in nest.statements] == [("k",), (), ()]
    for schedule in candidates(nest, AVX2, threads):
        assert by_isl(fitted(nest, schedule)) is None, str(schedule)
