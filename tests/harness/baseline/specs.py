"""Primitives for the baselines' tests, in the form of conf/primitive/*.yaml."""

from __future__ import annotations

from typing import Any

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from

Spec = dict[str, Any]


def conv2d(**sizes: int) -> Spec:
    small = {"n": 1, "ic": 4, "oc": 5, "ih": 7, "iw": 6, "kh": 3, "kw": 3}
    step = {"stride": 1, "pad_h": 1, "pad_w": 1, "dilation": 1}
    return {
        "name": "conv2d",
        "sizes": {**small, **step, **sizes},
        "extents": {
            "oh": "(ih + 2*pad_h - dilation*(kh-1) - 1)//stride + 1",
            "ow": "(iw + 2*pad_w - dilation*(kw-1) - 1)//stride + 1",
        },
        "tensors": {
            "data": ["n", "ic", "ih", "iw"],
            "weight": ["oc", "ic", "kh", "kw"],
            "out": ["n", "oc", "oh", "ow"],
        },
        "constant": ["weight"],
        "outside": {"data": 0},
        "statements": [
            "out[n,oc,oh,ow] += data[n, ic, oh*stride + kh*dilation - pad_h,"
            " ow*stride + kw*dilation - pad_w] * weight[oc, ic, kh, kw]"
        ],
    }


def matmul(**sizes: int) -> Spec:
    return {
        "name": "matmul",
        "sizes": {"m": 5, "n": 7, "k": 6, **sizes},
        "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
        "constant": ["b"],
        "statements": ["c[m,n] += a[m,k] * b[k,n]"],
    }


def grouped(**sizes: int) -> Spec:
    return {
        "name": "grouped",
        "sizes": {"n": 2, "g": 3, "ic": 2, "oc": 5, "ih": 6, "iw": 7, "kh": 3, "kw": 3, **sizes},
        "extents": {"oh": "ih - kh + 1", "ow": "iw - kw + 1"},
        "tensors": {
            "data": ["n", "g", "ic", "ih", "iw"],
            "weight": ["g", "oc", "ic", "kh", "kw"],
            "out": ["n", "g", "oc", "oh", "ow"],
        },
        "constant": ["weight"],
        "statements": [
            "out[n,g,oc,oh,ow] += data[n,g,ic,oh+kh,ow+kw] * weight[g,oc,ic,kh,kw]",
        ],
    }


def depthwise(**sizes: int) -> Spec:
    return {
        "name": "depthwise",
        "sizes": {"n": 1, "c": 9, "ih": 6, "iw": 7, "kh": 3, "kw": 3, **sizes},
        "extents": {"oh": "ih", "ow": "iw"},
        "tensors": {
            "data": ["n", "c", "ih", "iw"],
            "weight": ["c", "kh", "kw"],
            "out": ["n", "c", "oh", "ow"],
        },
        "constant": ["weight"],
        "outside": {"data": 0},
        "statements": ["out[n,c,oh,ow] += data[n,c,oh+kh-1,ow+kw-1] * weight[c,kh,kw]"],
    }


def conv1d(index: str = "2*ow + kw - 2") -> Spec:
    return {
        "name": "conv1d",
        "sizes": {"ic": 3, "oc": 4, "iw": 20, "kw": 3, "ow": 6},
        "tensors": {"x": ["ic", "iw"], "f": ["oc", "ic", "kw"], "y": ["oc", "ow"]},
        "constant": ["f"],
        "outside": {"x": 0},
        "statements": [f"y[oc,ow] += f[oc,ic,kw] * x[ic, {index}]"],
    }


def primitive(spec: Spec, **changes: object) -> Primitive:
    return primitive_from({**spec, **changes})
