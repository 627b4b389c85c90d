"""Small primitives of many operators, as plain dicts, for the tests of all rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[3] / "conf" / "primitive"


def shipped(name: str, **sizes: object) -> dict[str, Any]:
    """A primitive of conf/, with other sizes."""
    spec: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return {**spec, "sizes": {**spec["sizes"], **sizes}}


def conv2d(**sizes: object) -> dict[str, Any]:
    return shipped("conv2d", **{"ic": 3, "oc": 5, "ih": 6, "iw": 7, **sizes})


def matmul(**sizes: int) -> dict[str, Any]:
    return {**shipped("matmul"), "sizes": {"m": 4, "n": 5, "k": 6, **sizes}}


_EXTENTS = {
    "oh": "(ih + 2*pad - dilation*(kh-1) - 1)//stride + 1",
    "ow": "(iw + 2*pad - dilation*(kw-1) - 1)//stride + 1",
}
_IMAGE = {"ih": 7, "iw": 6, "kh": 3, "kw": 2, "stride": 2, "pad": 1, "dilation": 1}
_AT = "oh*stride + kh*dilation - pad, ow*stride + kw*dilation - pad"

DEPTHWISE: dict[str, Any] = {
    "name": "depthwise",
    "sizes": {"n": 2, "c": 3, **_IMAGE},
    "extents": _EXTENTS,
    "tensors": {
        "data": ["n", "c", "ih", "iw"],
        "w": ["c", "kh", "kw"],
        "out": ["n", "c", "oh", "ow"],
    },
    "constant": ["w"],
    "outside": {"data": 0},
    "statements": [f"out[n,c,oh,ow] += data[n,c,{_AT}] * w[c,kh,kw]"],
}
GROUPED: dict[str, Any] = {
    "name": "grouped",
    "sizes": {"n": 1, "g": 2, "ic": 2, "oc": 3, **_IMAGE, "dilation": 2},
    "extents": _EXTENTS,
    "tensors": {
        "data": ["n", "g", "ic", "ih", "iw"],
        "w": ["g", "oc", "ic", "kh", "kw"],
        "out": ["n", "g", "oc", "oh", "ow"],
    },
    "outside": {"data": 0},
    "statements": [f"out[n,g,oc,oh,ow] += data[n,g,ic,{_AT}] * w[g,oc,ic,kh,kw]"],
}
MAX_POOL: dict[str, Any] = {
    "name": "max_pool",
    "sizes": {"n": 1, "c": 2, **_IMAGE},
    "extents": _EXTENTS,
    "tensors": {"data": ["n", "c", "ih", "iw"], "out": ["n", "c", "oh", "ow"]},
    "outside": {"data": "-inf"},
    "statements": [f"out[n,c,oh,ow] = max(out[n,c,oh,ow], data[n,c,{_AT}])"],
}
AVERAGE_POOL: dict[str, Any] = {
    "name": "average_pool",
    "sizes": {"n": 1, "c": 2, **_IMAGE},
    "extents": _EXTENTS,
    "tensors": {
        "data": ["n", "c", "ih", "iw"],
        "total": ["n", "c", "oh", "ow"],
        "out": ["n", "c", "oh", "ow"],
    },
    "outside": {"data": 0},
    "temporary": ["total"],
    "statements": [
        f"total[n,c,oh,ow] += data[n,c,{_AT}]",
        "out[n,c,oh,ow] = total[n,c,oh,ow] / (kh*kw)",
    ],
}
BACKWARD_DATA: dict[str, Any] = {
    "name": "backward_data",
    "sizes": {"n": 1, "ic": 2, "oc": 3, **_IMAGE},
    "extents": _EXTENTS,
    "tensors": {
        "grad": ["n", "oc", "oh", "ow"],
        "w": ["oc", "ic", "kh", "kw"],
        "out": ["n", "ic", "ih", "iw"],
    },
    "statements": [f"out[n,ic,{_AT}] += grad[n,oc,oh,ow] * w[oc,ic,kh,kw]"],
}
BACKWARD_WEIGHTS: dict[str, Any] = {
    "name": "backward_weights",
    "sizes": {"n": 2, "ic": 2, "oc": 3, **_IMAGE},
    "extents": _EXTENTS,
    "tensors": {
        "grad": ["n", "oc", "oh", "ow"],
        "data": ["n", "ic", "ih", "iw"],
        "out": ["oc", "ic", "kh", "kw"],
    },
    "outside": {"data": 0},
    "statements": [f"out[oc,ic,kh,kw] += grad[n,oc,oh,ow] * data[n,ic,{_AT}]"],
}
CHAIN: dict[str, Any] = {
    "name": "chain",
    "sizes": {"m": 3, "n": 4, "k": 5},
    "tensors": {
        "a": ["m", "k"],
        "b": ["k", "n"],
        "bias": ["n"],
        "residual": ["m", "n"],
        "c": ["m", "n"],
        "d": ["m", "n"],
    },
    "temporary": ["c"],
    "statements": [
        "c[m,n] += a[m,k] * b[k,n]",
        "c[m,n] = c[m,n] + bias[n] - residual[m,n] / 3",
        "d[m,n] = 0.5 * c[m,n] * (1 + erf(c[m,n] / sqrt(2)))",
        "d[m,n] = min(max(d[m,n], -1), 6) + tanh(c[m,n]) * exp(-abs(c[m,n]))",
    ],
}
EDGES: dict[str, Any] = {
    "name": "edges",
    "sizes": {"n": 8},
    "tensors": {"x": ["n"], "y": ["n + 1"], "z": ["2 * n"]},
    "statements": ["y[i+1] = x[i]", "z[2*i] = x[i]"],
    "extents": {"i": "n"},
}  # no statement writes all of its target
SCANS: dict[str, Any] = {
    "name": "scans",
    "sizes": {"n": 8},
    "tensors": {"x": ["n"], "y": ["n + 1"], "z": ["n + 1"]},
    "accumulate": ["y", "z"],
    "statements": ["y[i+1] = y[i] + x[i]", "z[i+1] = z[i] * x[i]"],
    "extents": {"i": "n"},
}  # none runs on vectors
ACCUMULATED: dict[str, Any] = {
    "name": "accumulated",
    "sizes": {"m": 3, "n": 4, "k": 5},
    "tensors": {"a": ["m", "k"], "b": ["n", "k"], "c": ["m", "n"]},
    "accumulate": ["c"],
    "statements": ["c[m,n] += -2 * a[m,k] * b[n,k]"],
}
BATCHED: dict[str, Any] = {
    "name": "batched",
    "sizes": {"g": 2, "m": 3, "n": 4, "k": 5, "j": 2},
    "tensors": {"a": ["g", "m", "k", "j"], "b": ["k", "g", "n"], "c": ["n", "g", "m"]},
    "statements": ["c[n,g,m] += a[g,m,k,j] * b[k,g,n]"],
}
RECURRENCE: dict[str, Any] = {
    "name": "recurrence",
    "sizes": {"t": 5, "i": 6},
    "tensors": {"x": ["i"], "y": ["t", "i"]},
    "outside": {"y": 0.5},
    "statements": ["y[t,i] = y[t-1,i+1] + x[i]"],
}
SCATTER: dict[str, Any] = {
    "name": "scatter",
    "sizes": {"i": 4, "j": 3},
    "extents": {"length": "i+j-2"},
    "tensors": {"x": ["i", "j"], "y": ["length"]},
    "statements": ["y[i+j] = x[i,j]"],
}
PARTIAL: dict[str, Any] = {
    "name": "partial",
    "sizes": {"i": 4, "j": 3},
    "tensors": {"x": ["i", "j"], "y": ["2*i + 1"], "z": ["i"]},
    "statements": ["y[2*i + 1] += x[i,j]", "z[i] = min(z[i], x[i,j])", "z[i] += y[2*i]"],
}
OPERATORS: dict[str, dict[str, Any]] = {
    spec["name"]: spec
    for spec in (
        DEPTHWISE,
        GROUPED,
        MAX_POOL,
        AVERAGE_POOL,
        BACKWARD_DATA,
        BACKWARD_WEIGHTS,
        CHAIN,
        ACCUMULATED,
        BATCHED,
        RECURRENCE,
        SCATTER,
        PARTIAL,
    )
}
