"""Small primitives with something behind their sums, as plain dicts; conf/primitive made small."""

from __future__ import annotations

from typing import Any

import yaml

from tests.compiler.problem.operators import CONF, matmul

_SMALL = {
    "n": 1,
    "ic": 3,
    "oc": 2,
    "ih": 4,
    "iw": 5,
    "id": 2,
    "c": 3,
    "m": 5,
    "k": 7,
    "g": 2,
    "batch": 2,
}
SHIPPED: dict[str, dict[str, Any]] = {}
for _file in sorted(CONF.glob("*.yaml")):
    _spec: dict[str, Any] = yaml.safe_load(_file.read_text())
    _sizes = _spec["sizes"]
    _small = _SMALL if "oc" in _sizes or "c" in _sizes else {**_SMALL, "n": 4}
    SHIPPED[_file.stem] = {**_spec, "sizes": {k: _small.get(k, v) for k, v in _sizes.items()}}


def after(*statements: str, **changed: object) -> dict[str, Any]:
    """A matrix product with statements behind it, nothing constant."""
    product = matmul(m=5, n=6, k=9)
    spec: dict[str, Any] = {
        "name": "product",
        "sizes": product["sizes"],
        "tensors": product["tensors"],
        "statements": [*product["statements"], *statements],
    }
    for key, value in changed.items():
        spec[key] = {**spec[key], **value} if isinstance(spec.get(key), dict) else value  # type: ignore[dict-item]
    return spec


_SECOND: dict[str, Any] = {
    "sizes": {"p": 4},
    "tensors": {"d": ["m", "p"], "e": ["n", "p"], "f": ["p"]},
    "temporary": ["c"],
}
CHAINS: dict[str, dict[str, Any]] = {
    "relu": after("c[m,n] = max(c[m,n], 0)"),
    "clip": after("c[m,n] = min(max(c[m,n], 0), 6)"),
    "leaky": after("c[m,n] = max(c[m,n], 0.125*c[m,n])"),
    "absolute": after("c[m,n] = abs(c[m,n]) - 0.5"),
    "square": after("c[m,n] = c[m,n]*c[m,n]"),
    "accumulated relu": after("c[m,n] = max(c[m,n], 0)", accumulate=["c"]),
    "two products": after(
        "c[m,n] = max(c[m,n], 0)",
        "d[m,p] += c[m,n]*e[n,p]",
        "d[m,p] = max(d[m,p] + f[p], 0)",
        **_SECOND,
    ),
    "row sums of a rectified product": after(
        "c[m,n] = max(c[m,n], 0)", "r[m] += c[m,n]", tensors={"r": ["m"]}
    ),
    "shifted before it is scaled": after(
        "c[m,n] = 2*(u[n] + c[m,n])*v[n] - 0.25*w[m]",
        tensors={"u": ["n"], "v": ["n"], "w": ["m"]},
    ),
    "pooled product": after(
        "c[m,n] = max(c[m,n], 0)",
        "r[i,j] = max(r[i,j], c[2*i + p, 3*j + q])",
        sizes={"m": 6, "p": 2, "q": 3},
        extents={"i": "3", "j": "2"},
        tensors={"r": ["i", "j"]},
        temporary=["c"],
    ),
    "powers of two": {
        "name": "winograd",
        "sizes": {"i": 4, "j": 4, "t": 9},
        "tensors": {"b": ["i", "j"], "x": ["j", "t"], "y": ["i", "t"]},
        "values": {"b": [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 0.25, 0, "-3/2"]]},
        "statements": ["y[i,t] += b[i,j]*x[j,t]"],
    },
    "cut off by inputs": after(
        "c[m,n] = max(min(c[m,n], u[n]), v[m])", tensors={"u": ["n"], "v": ["m"]}
    ),
    "one term": matmul(m=3, n=4, k=1),
}
# Outputs that float32 rounds behind exact sums, and why.
ROUNDED: dict[str, tuple[dict[str, Any], str]] = {
    "gelu, by tanh": (
        after("c[m,n] = 0.5*c[m,n]*(1 + tanh(0.79788*(c[m,n] + 0.044715*c[m,n]*c[m,n]*c[m,n])))"),
        "statement 2: 0.79788 is no short binary fraction",
    ),
    "silu": (after("c[m,n] = c[m,n]/(1 + exp(-c[m,n]))"), "statement 2: exp"),
    "mean": (after("c[m,n] = c[m,n]/3"), "statement 2: a division"),
    "root": (after("c[m,n] = sqrt(abs(c[m,n]))"), "statement 2: sqrt"),
}
SOFTMAX: dict[str, Any] = {
    "name": "softmax",
    "sizes": {"m": 3, "n": 20},
    "tensors": {"x": ["m", "n"], "t": ["m"], "s": ["m"], "e": ["m", "n"], "y": ["m", "n"]},
    "temporary": ["t", "s", "e"],
    "statements": [
        "t[m] = max(t[m], x[m,n])",
        "e[m,n] = exp(x[m,n] - t[m])",
        "s[m] += e[m,n]",
        "y[m,n] = e[m,n]/s[m]",
    ],
}
# No exact form at all, and why.
FLOAT_ALONE: dict[str, tuple[dict[str, Any], str]] = {
    "softmax": (SOFTMAX, "statement 2: exp"),
    "a long chain": (
        after("d[m,p] += c[m,n]*e[n,p]", "d[m,p] += f[p]", **_SECOND)
        | {"sizes": {"m": 2, "n": 5000, "k": 5000, "p": 2}},
        "statement 2: even inputs of 1 pass 2**24",
    ),
    "Winograd's thirds": (
        CHAINS["powers of two"] | {"values": {"b": [["1/24", 0, 0, 0]] * 4}},
        "statement 1: b holds 0.0416667",
    ),
    "a long sum": (
        {
            "name": "sum",
            "sizes": {"k": 2**24},
            "tensors": {"x": ["k"], "y": ["1"]},
            "statements": ["y[0] += x[k]"],
        },
        "statement 1: even inputs of 1 pass 2**24",
    ),
}
