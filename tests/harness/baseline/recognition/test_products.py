"""The recogniser: what it makes of a statement, and what it refuses by name."""

from __future__ import annotations

import pytest

from harness.baseline.onednn.onednn import OneDnn
from harness.baseline.recognition.products import Convolution, MatrixProduct, recognise
from harness.baseline.recognition.views import Unrecognised
from tests.harness.baseline.environments import UNUSED
from tests.harness.baseline.specs import Spec, conv1d, conv2d, grouped, matmul, primitive


def test_a_convolution() -> None:
    found = recognise(primitive(conv2d(ih=9, iw=8, stride=2, dilation=2, pad_h=2, pad_w=1)))
    assert isinstance(found, Convolution)
    assert found.data.dims == (1, 4, 9, 8)
    assert found.weight.dims == (5, 4, 3, 3)
    assert found.out.dims == (1, 5, 5, 3)
    assert (found.stride, found.dilation) == ((2, 2), (2, 2))
    assert found.before == (2, 1)
    assert found.after == (2, 0)


def test_padding_after_follows_from_the_extents() -> None:
    found = recognise(primitive(conv2d(), extents={"oh": "ih+1", "ow": "iw-1"}))
    assert isinstance(found, Convolution)
    assert found.after == (2, 0)


def test_rows_beyond_a_stride_are_left_out() -> None:
    found = recognise(primitive(conv1d("2*ow + kw")))  # reads 0..12 of 20
    assert isinstance(found, Convolution)
    assert found.data.dims == (1, 3, 13)
    assert found.after == (0,)
    assert found.data.plain == (1, 20, 1)


def test_groups_and_channels_become_one_dimension() -> None:
    found = recognise(primitive(grouped()))
    assert isinstance(found, Convolution)
    assert found.groups == 3
    assert found.data.dims == (2, 6, 6, 7)
    assert found.weight.dims == (3, 5, 2, 3, 3)
    assert found.out.dims == (2, 15, 4, 5)


def test_a_single_statement_alone_is_recognised() -> None:
    statements = ["c[m,n] += a[m,k] * b[k,n]", "c[m,n] = max(c[m,n], 0)"]
    with pytest.raises(Unrecognised, match="2 statements, only a single product is taken"):
        recognise(primitive(matmul(), statements=statements))


def test_a_pointwise_convolution_without_taps() -> None:
    spec = conv2d(kh=1, kw=1, pad_h=0, pad_w=0)
    spec["tensors"]["weight"] = ["oc", "ic"]
    spec["extents"] = {"oh": "ih", "ow": "iw"}
    spec["statements"] = ["out[n,oc,oh,ow] += data[n,ic,oh,ow] * weight[oc,ic]"]
    del spec["sizes"]["kh"], spec["sizes"]["kw"], spec["sizes"]["dilation"], spec["sizes"]["stride"]
    del spec["sizes"]["pad_h"], spec["sizes"]["pad_w"]
    found = recognise(primitive(spec))
    assert isinstance(found, Convolution)
    assert found.weight.dims == (5, 4, 1, 1)


def test_n_is_contiguous_in_the_result() -> None:
    plain = recognise(primitive(matmul()))
    turned = recognise(primitive(matmul(), stored={"c": [1, 0]}))
    assert isinstance(plain, MatrixProduct)
    assert isinstance(turned, MatrixProduct)
    assert (plain.a.tensor, plain.b.tensor) == ("a", "b")
    assert (turned.a.tensor, turned.b.tensor) == ("b", "a")
    assert turned.c.stored == (5, 1)


def refused(spec: Spec, **changes: object) -> str:
    return OneDnn(UNUSED).supports(primitive(spec, **changes)) or ""


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (
            refused(matmul(), statements=["c[m,n] += a[m,k] * b[k,n]", "c[m,n] = erf(c[m,n])"]),
            "no known step computes erf(product)",
        ),
        (refused(matmul(), accumulate=["c"]), "c starts from values of its own"),
        (refused(matmul(), statements=["c[m,n] += a[m,k] + b[k,n]"]), "no sum of a tensor's"),
        (refused(conv2d(), outside={"data": 1}), "data is 1.0 outside"),
        (
            refused(conv1d("7 - ow + kw")),
            "runs backwards",
        ),
        (
            refused(grouped(), stored={"data": [0, 2, 1, 3, 4]}),
            "groups and channels of data do not follow each other",
        ),
    ],
)
def test_refusals_name_what_is_in_the_way(reason: str, why: str) -> None:
    assert reason.startswith("unsupported: ")
    assert why in reason


def _spec(tensors: dict[str, list[str]], statement: str, **sizes: int) -> Spec:
    return {"name": "odd", "sizes": sizes, "tensors": tensors, "statements": [statement]}


WINDOW = {"w": 4, "r": 2, "o": 3, "c": 2}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            {**_spec({"a": ["m", "k"], "c": ["m", "m"]}, "c[m,n] += a[m,k] * a[n,k]", m=4, k=6),
             "extents": {"n": "m"}},
            "a product of a with itself",
        ),
        (
            _spec({"a": ["m", "k"], "b": ["k", "m"], "c": ["m", "m"]},
                  "c[m,m] += a[m,k] * b[k,m]", m=4, k=6),
            "a loop appears twice in c[m, m]",
        ),
        (
            _spec({"x": ["i+k"], "y": ["j+k"], "c": ["i", "j"]},
                  "c[i,j] += x[i+k] * y[j+k]", i=4, j=5, k=3),
            "both factors have compound indices",
        ),
        (
            _spec({"a": ["m", "k"], "b": ["n"], "c": ["m", "n"]},
                  "c[m,n] += a[m,k] * b[n]", m=4, n=5, k=6),
            "a loop is summed over, or repeated, in one factor alone",
        ),
        (
            _spec({"x": ["c", *(f"{p}+r-1" for p in "defw")], "k": ["o", "c", *"pqrs"],
                   "y": ["o", *"defw"]},
                  "y[o,d,e,f,w] += x[c,d+p,e+q,f+r,w+s] * k[o,c,p,q,r,s]",
                  d=4, e=4, f=4, p=2, q=2, s=2, **WINDOW),
            "4 spatial dimensions, 1 to 3 are taken",
        ),
        (
            _spec({"x": ["c", "e", "w+r-1"], "k": ["o", "c", "e", "r"], "y": ["o", "w"]},
                  "y[o,w] += x[c,e,w+r] * k[o,c,e,r]", e=2, **WINDOW),
            "index 'e' of x is no sliding window",
        ),
        (
            _spec({"x": ["g", "h", "c", "w+r-1"], "k": ["g", "h", "o", "c", "r"],
                   "y": ["g", "h", "o", "w"]},
                  "y[g,h,o,w] += x[g,h,c,w+r] * k[g,h,o,c,r]", g=2, h=2, **WINDOW),
            "loops g, h could all be the group",
        ),
    ],
)  # fmt: skip
def test_what_is_no_known_operator(spec: Spec, why: str) -> None:
    with pytest.raises(Unrecognised) as caught:
        recognise(primitive(spec))
    assert str(caught.value) == why
