"""What a primitive's file may say, and the one line that each mistake gets."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from compiler.errors import ProblemError
from compiler.problem.primitive import Affine
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import MAX_POOL, OPERATORS, conv2d, matmul

CONV = (
    "out[n,oc,oh,ow] += data[n, ic, oh*stride + kh*dilation - pad_h, "
    "ow*stride + kw*dilation - pad_w] * weight[oc, ic, kh, kw]"
)


def test_conv2d() -> None:
    primitive = primitive_from(conv2d(stride=2, dilation=3, ih=20, iw=21))
    statement = primitive.statements[0]
    assert statement.loops == ("n", "oc", "oh", "ow", "ic", "kh", "kw")
    assert statement.reduction_loops == ("ic", "kh", "kw")
    assert statement.reads[0].indices[2] == Affine((("kh", 3), ("oh", 2)), -1)
    assert dict(primitive.extents)["oh"] == (20 + 2 - 3 * 2 - 1) // 2 + 1
    assert primitive.tensor("weight").constant
    assert primitive.tensor("data").outside == 0
    assert primitive.tensor("out").role == "output"
    assert primitive.flops == 2 * 5 * 8 * 9 * 3 * 9


def test_a_transposed_matmul_is_stored_otherwise() -> None:
    spec = matmul()
    spec["stored"] = {"a": [1, 0]}
    assert primitive_from(spec).tensor("a").stored == (1, 0)
    assert primitive_from(spec).tensor("b").stored == (0, 1)


def test_taps_of_a_pooling_are_loops_and_pads_are_not() -> None:
    primitive = primitive_from(MAX_POOL)
    assert primitive.statements[0].reduction == "max"
    assert primitive.statements[0].reduction_loops == ("kh", "kw")
    assert primitive.start_of("out") == float("-inf")


def test_roles_starts_and_temporaries() -> None:
    chain = primitive_from(OPERATORS["chain"])
    assert chain.tensor("c").role == "temporary"
    assert chain.start_of("c") == 0.0
    assert chain.start_of("a") is None
    assert primitive_from(OPERATORS["accumulated"]).start_of("c") is None


@pytest.mark.parametrize("name", OPERATORS)
def test_reading_the_same_file_gives_the_same_value(name: str) -> None:
    assert primitive_from(OPERATORS[name]) == primitive_from(deepcopy(OPERATORS[name]))


def _changed(**keys: object) -> dict[str, Any]:
    return {**conv2d(), **keys}


def _statement(text: str) -> dict[str, Any]:
    return {**matmul(), "statements": [text]}


def _tensor(**tensors: object) -> dict[str, Any]:
    return _changed(tensors={**conv2d()["tensors"], **tensors})


def _values(values: object) -> dict[str, Any]:
    return {**matmul(), "values": {"b": values}}


def _copied(loop: str, **extents: str) -> dict[str, Any]:
    sizes, tensors = {"m": 4} if extents else {loop: 4}, {"a": [loop], "c": [loop]}
    more = {"extents": extents} if extents else {}
    lines = [f"c[{loop}] = a[{loop}]"]
    return {"name": "copy", "sizes": sizes, "tensors": tensors, "statements": lines, **more}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (conv2d(stride=0), "conv2d: stride must be >= 1, got 0"),
    (conv2d(dilation=0), "conv2d: dilation must be >= 1, got 0"),
    (conv2d(ic=0), "conv2d: ic must be >= 1, got 0"),
    (conv2d(ih=0), "conv2d: ih must be >= 1, got 0"),
    (conv2d(pad_h=-1), "conv2d: pad_h must be >= 0, got -1"),
    (conv2d(ic=1.5), "conv2d: ic must be an integer, got 1.5"),
    (conv2d(ic=True), "conv2d: ic must be an integer, got True"),
    (conv2d(ic="8"), "conv2d: ic must be an integer, got 8"),
    (conv2d(ic="oh"), "conv2d: sizes.ic: column 1: unknown name 'oh' (known: n)"),
    (conv2d(ic="n +"), "conv2d: sizes.ic: column 4: not index notation: n +"),
    (conv2d(pad_h_end="pad_h-2"), "conv2d: pad_h_end = pad_h-2 must be >= 0, got -1"),
    (conv2d(stride_h=0), "conv2d: stride_h must be >= 1, got 0"),
    (conv2d(ic=2**40), "conv2d: ic must be <= 2147483647"),
    (
        conv2d(kh=9),
        "conv2d: empty output: oh = (ih + pad_h + pad_h_end - dilation_h*(kh-1) - 1)//stride_h + 1"
        " = 0 with ih=6, pad_h=1, pad_h_end=1, dilation_h=1, kh=9, stride_h=1; it must be >= 1",
    ),
    (conv2d(ih=2**20, iw=2**20, ic=2**10), "are more than 2**40"),
    (_changed(flavour=1), "conv2d: unknown key 'flavour' (known: name, sizes,"),
    (_changed(name="for"), "primitive name: 'for' may not be a name"),
    (_changed(name="../x"), "primitive name: '../x' is no identifier"),
    (_copied("tile"), "copy: 'tile' may not be the name of a loop, in schedules it is a place"),
    (_copied("root", root="m"), "copy: 'root' may not be the name of a loop, in schedules it is"),
    (_changed(name=True), "primitive name: True is no identifier (YAML reads on, off"),
    (conv2d(yes=1), "conv2d: sizes: 'yes' may not be a name, YAML reads it"),
    (conv2d(unused=1), "conv2d: size 'unused' is used nowhere"),
    (_changed(outside={}), "reads 1 before and 1 after dimension 2 of data (0 to 5)"),
    (_changed(constant=["out"]), "conv2d: the constant 'out' is written by a statement"),
    (_changed(constant=["bias"]), "conv2d: constant: no tensor bias (known: data, weight, out)"),
    (_changed(constant=[["data"]]), "conv2d: constant: no tensor ['data'] (known: data"),
    (_changed(temporary=["data"]), "conv2d: temporary: 'data' is written by no statement"),
    (_changed(temporary=["out"]), "conv2d: temporary 'out' is never read"),
    (_changed(dtype="f64"), "conv2d: dtype must be one of f32, got f64"),
    (_changed(stored={"data": [0, 1]}), "stored.data must order the dimensions 0 to 3, got [0, 1]"),
    (_changed(statements=[]), "conv2d: statements must list at least one statement"),
    (_changed(statements="x"), "conv2d: statements must be a list, got x"),
    (_changed(statements=[3]), "conv2d: statement 1: must be a text, got 3"),
    (_changed(extents={"oh": "ow", "ow": "oh"}), "conv2d: extents.oh: refers to itself"),
    (_changed(extents={"oh": "lost"}), "conv2d: extents.oh: column 1: unknown name 'lost'"),
    (_changed(outside={"data": "x"}), "outside.data: column 1: unknown name 'x'"),
    (
        _changed(tensors={**conv2d()["tensors"], "weight": ["oc", "ic", "kh - 3", "kw"]}),
        "conv2d: tensors.weight: dimension kh - 3 must be >= 1, got 0",
    ),
    (
        _changed(tensors={**conv2d()["tensors"], "bias": ["oc"]}),
        "conv2d: tensor 'bias' is used by no statement",
    ),
    (_statement("c[m,n] += a[m,q] * b[k,n]"), "statement 1: column 15: unknown loop 'q'"),
    (_statement("c[m,n] += a[m,k*n] * b[k,n]"), "column 15: non-affine index 'k * n'"),
    (_statement("c[m,n] += a[m,k//2] * b[k,n]"), "column 15: non-affine index 'k // 2'"),
    (_statement("c[m,n] += a[m,a[m,k]] * b[k,n]"), "column 15: 'a[m, k]' is not allowed in an"),
    (_statement("c[m,n] += a[m,k] * d[k,n]"), "column 20: missing tensor 'd' (known: a, b, c)"),
    (_statement("c[m,n] += a[m] * b[k,n]"), "column 11: a has 2 dimensions, got 1 indices"),
    (_statement("c[m,n] = a[m,k] * b[k,n]"), "column 1: loop 'k' is not in the target"),
    (_statement("c[m,n] -= a[m,k] * b[k,n]"), "column 1: only = and += are statements"),
    (_statement("c += a[m,k] * b[k,n]"), "column 1: expected tensor[index, ...]"),
    (_statement("a[m,k] * b[k,n]"), "column 1: expected target[...] = value"),
    (_statement("c[m,n] += __import__('os')"), 'column 22: "\'" is not index notation'),
    (_statement("c[m,n] += open(a[m,k]) * b[k,n]"), "column 11: unknown function 'open'"),
    (_statement("c[m,n] += a.real[m,k] * b[k,n]"), "column 11: 'a.real' is not allowed"),
    (_statement("c[m,n] += a[m,k].x * b[k,n]"), "'a[m, k].x' is not allowed"),
    (_statement("c[m,n] += a[m,k] ** b[k,n]"), "is not allowed"),
    (_statement("c[m,n] += (a[m,k] if b[k,n] else 1)"), "is not allowed"),
    (_statement("c[m,n] += [a[m,k] for x in b[k,n]]"), "is not allowed"),
    (_statement("c[m,n] += (x := a[m,k]) * b[k,n]"), "column 14: ':' is not index notation"),
    (_statement("c[m,n] += (lambda x: x)"), "column 20: ':' is not index notation"),
    (_statement("c[m,n] += a[m,k] * b[k,n]; c[m,n] = 0"), "column 26: ';' is not index notation"),
    (_statement("c[m,n] += a[m,k] *"), "column 19: not index notation"),
    (_statement("c[m,n] += exp(a[m,k], b[k,n])"), "column 11: exp takes 1 argument(s), got 2"),
    (_statement("c[m,n] += a[m,k] * b[k,n] / 0"), "column 11: division by zero"),
    (_statement("c[m,n] += a[m,k] * b[k,n] * 1e999"), "the number is too large"),
    (
        _statement("c[m,n] += a[m,k] * b[k,n] * k"),
        "'k' may be used in an index only; for its length",
    ),
    (_statement("c[m,n] += " + "-" * 60 + "a[m,k] * b[k,n]"), "nested more than 40 levels"),
    (_statement("c[m,n] += " + "a[m,k] + " * 300 + "a[m,k]"), "statement 1: over 2000 characters"),
    (_statement("c[m,n] += " + "1+-+-" * 390 + "a[m,k]"), "nested"),
    (
        _statement("c[()] += a[m,k] * b[k,n]"),
        "a tensor needs an index for each dimension",
    ),
    (_statement("c[m,n] += a[m,k + 4//0] * b[k,n]"), "column 19: division by less than one"),
    (_statement("c[m,n] += (a[m,k], b[k,n])"), "column 11: '(a[m, k], b[k, n])' is not allowed"),
    (_statement("c[m,n] += a[m,k] * b[k,n] * 1" + "0" * 400), "the number is too large"),
    (_changed(sizes=[3]), "conv2d: sizes must be a map, got [3]"),
    (_tensor(bias=[1.5]), "conv2d: tensors.bias must be an integer or a formula, got 1.5"),
    (_tensor(bias=[]), "conv2d: tensors.bias needs at least one dimension"),
    (
        _tensor(data=["n", "ic", "ih", "iw - 7"]),
        "dimension iw - 7 must be >= 1, got 0",
    ),
    (_tensor(ic=["oc"]), "conv2d: 'ic' is in both sizes and tensors"),
    (_tensor(exp=["oc"]), "conv2d: tensors: 'exp' may not be a name, it is a function"),
    (_tensor(__w=["oc"]), "conv2d: tensors: '__w' may not be a name, its prefix is reserved"),
    (_tensor(**{"w" * 65: ["oc"]}), "the name wwwwwwwwwwwwwwwwwwww... has over 64 characters"),
    (_changed(extents={"oh": "ih * 2000000000"}), "conv2d: extents.oh: must be <= 2147483647, got"),
    (
        _changed(extents={"oh": "kh = ih"}),
        "conv2d: extents.oh: column 1: expected a formula: kh = ih",
    ),
    (_changed(extents={"oh": "ih // 0"}), "conv2d: extents.oh: column 1: division by 0: ih // 0"),
    (_changed(extents={"oh": "ih +"}), "conv2d: extents.oh: column 5: not index notation: ih +"),
    (_changed(outside={"data": "exp(1)"}), "conv2d: outside.data: must be a number, got exp(1)"),
    (_changed(outside={"data": True}), "conv2d: outside.data: must be a number, got True"),
    (_changed(outside={"data": float("nan")}), "conv2d: outside.data: must be a number, got nan"),
    (_values([[1, 2], [3]]), "matmul: values.b: the lists are empty or of unequal length"),
    (_values([]), "matmul: values.b: the lists are empty or of unequal length"),
    (_values([[1, 2]]), "matmul: values.b: expected numbers of shape (6, 5), got (1, 2)"),
    (_values("x"), "matmul: values.b: column 1: unknown name 'x'"),
    (
        _values(1) | {"sizes": {"m": 4, "n": 1024, "k": 1025}},
        "matmul: values.b: one number for 1049600 elements; 1048576 are allowed",
    ),
    (
        {**matmul(), "temporary": ["c"], "accumulate": ["c"]},
        "matmul: 'c' is both temporary and accumulate",
    ),
    (
        {**matmul(), "statements": ["c[m,n] += a[m,k] * b[k,n]"] * 41},
        "matmul: statements has 41 members, 40 are allowed",
    ),
    (
        {**matmul(), "extents": {f"e{i}": f"e{i + 1}" for i in range(5000)}},
        "matmul: extents has 5000 members, 200 are allowed",
    ),
    (
        {**matmul(), "tensors": {**matmul()["tensors"], "a": ["m"] * 201}},
        "matmul: tensors.a has 201 members, 200 are allowed",
    ),
    (
        {**matmul(), "extents": {"e": "-" * 1999 + "m"}},
        "matmul: extents.e: nested",
    ),
    (
        {**conv2d(), "extents": {**conv2d()["extents"], "oh": "min(ih - 0x10, 5)"}},
        "conv2d: empty output: oh = min(ih - 0x10, 5) = ",
    ),
    (
        {**conv2d(), "extents": {**conv2d()["extents"], "oh": "3 - 1_000"}},
        "conv2d: empty output: oh = 3 - 1_000 = -997 with numbers alone",
    ),
    ({**matmul(), "extents": {"e": "m" * 3000}}, "extents.e must be an integer or a formula"),
    ({**matmul(), "extents": {"e": 10**400}}, "must be an integer or a formula, got an integer of"),
    (
        {**matmul(), "outside": {"a": 10**400}},
        "matmul: outside.a: an integer of 1329 bits is too large",
    ),
    (_statement("c[m,n] += " + "(" * 300 + "a[m,k]" + ")" * 300), "not index notation"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_mistakes_get_one_clear_line(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        primitive_from(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parameter_may_be_called_as_a_place_of_schedules() -> None:
    spec = {**_copied("m"), "sizes": {"m": 4, "tile": 2}, "statements": ["c[m] = a[tile*m]"]}
    spec["tensors"] = {"a": ["tile*m"], "c": ["m"]}
    assert primitive_from(spec).extents == (("m", 4),)


def test_a_tensor_is_read_before_it_is_written() -> None:
    spec = deepcopy(OPERATORS["chain"])
    spec["statements"].reverse()
    with pytest.raises(ProblemError, match="is read before any statement writes c"):
        primitive_from(spec)


def test_sizes_follow_others_until_they_are_given() -> None:
    sizes = dict(primitive_from(conv2d(stride=2, pad_h=3, pad_w="2*pad_h - 1")).sizes)
    assert (sizes["stride_h"], sizes["stride_w"], sizes["pad_h_end"], sizes["pad_w"]) == (
        2,
        2,
        3,
        5,
    )
    both = primitive_from(conv2d(stride_h=2, stride_w=3, dilation_w=2, pad_h_end=0))
    assert dict(both.sizes)["stride"] == 1  # which nothing uses then
    assert [both.extent(loop) for loop in ("oh", "ow")] == [3, 2]
    assert both == primitive_from(conv2d(stride_h=2, stride_w=3, dilation_w=2, pad_h_end="kh - 3"))
