"""Chains behind a sum of products, in all the ways in which users write them."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.compiler.problem.operators import shipped

SHIPPED = ("conv2d_bias_relu", "conv2d_bn_relu", "conv2d_residual_relu", "matmul_bias_gelu")

# what follows `c[m,n] += a[m,k] * b[k,n]`; t is a temporary, y another output
CHAINS: dict[str, list[str]] = {
    "bias": ["c[m,n] += bias[n]"],
    "rows": ["c[m,n] = c[m,n] * side[m] - x[m,n]"],
    "clip": ["c[m,n] = min(max(c[m,n], 0), 6)"],
    "leaky": ["c[m,n] = max(c[m,n], 0.01 * c[m,n])"],
    "hard_swish": ["y[m,n] = c[m,n] * min(max(c[m,n] + 3, 0), 6) / 6"],
    "sigmoid": ["c[m,n] = 1 / (1 + exp(-c[m,n]))"],
    "tanh": ["c[m,n] = tanh(c[m,n] + bias[n])", "y[m,n] = c[m,n] * x[m,n]"],
    "swish": ["y[m,n] = bias[n] + c[m,n]", "y[m,n] = y[m,n] / (1 + exp(-y[m,n]))"],
    "gelu": ["c[m,n] += bias[n]", "c[m,n] = 0.5 * c[m,n] * (1 + erf(c[m,n] / sqrt(2)))"],
    "root": ["y[m,n] = sqrt(abs(c[m,n])) + exp(0)"],
    "constant": ["c[m,n] = c[m,n] - scalar[0]", "y[m,n] = 2.5"],
    "renamed": ["y[i,j] = max(c[i,j] + bias[j], side[i])"],
    "kept": ["t[m,n] = c[m,n] + x[m,n]", "y[m,n] = t[m,n] * t[m,n]", "c[m,n] = t[m,n] - 1"],
    "transposed": ["y[m,n] = c[m,n] + z[n,m]"],
    "behind": ["c[m,n] = max(c[m,n], 0)", "w[m] += c[m,n]"],
}
SHAPES = {
    "a": ["m", "k"],
    "b": ["k", "n"],
    "c": ["m", "n"],
    "x": ["m", "n"],
    "y": ["m", "n"],
    "t": ["m", "n"],
    "z": ["n", "m"],
    "bias": ["n"],
    "side": ["m"],
    "scalar": [1],
    "w": ["m"],
}


def chain(name: str, m: int, n: int, k: int, first: tuple[str, ...] = ()) -> dict[str, Any]:
    """A chain as a primitive's file; `first` are statements in front of the product."""
    statements = [*first, "c[m,n] += a[m,k] * b[k,n]", *CHAINS[name]]
    used = {x for x in SHAPES if any(f"{x}[" in line for line in statements)}
    written = {line.split("[")[0] for line in statements}
    temporary = sorted({"t"} & used)
    if name in ("swish", "hard_swish", "root", "renamed", "transposed"):
        temporary.append("c")
    return {
        "name": f"chain_{name}",
        "sizes": {"m": m, "n": n, "k": k},
        **({"extents": {"i": "m", "j": "n"}} if name == "renamed" else {}),
        "tensors": {x: SHAPES[x] for x in SHAPES if x in used},
        "constant": [x for x in ("b", "bias", "scalar") if x in used - written],
        **({"temporary": temporary} if temporary else {}),
        "statements": statements,
    }


def random_size(name: str, random: Random) -> dict[str, Any]:
    """A shipped primitive of small random sizes: remainders, borders, strides, short reductions."""
    if name == "matmul_bias_gelu":
        sizes = {loop: random.randint(1, 40) for loop in ("m", "n", "k")}
        return shipped(name, **sizes)
    kh = random.choice([1, 1, 3])
    return shipped(
        name,
        n=random.choice([1, 1, 2]),
        ic=random.choice([1, 3, 8, 16, 20]),
        oc=random.choice([1, 5, 16, 24, 33]),
        ih=random.randint(kh, 9),
        iw=random.randint(kh, 12),
        kh=kh,
        kw=kh,
        pad_h=random.randint(0, kh // 2),
        pad_w=random.randint(0, kh // 2),
        stride=random.choice([1, 1, 2]),
    )
