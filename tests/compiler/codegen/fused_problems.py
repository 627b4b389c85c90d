"""Chains behind a sum of products, in all the ways in which users write them."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from compiler.errors import ProblemError
from compiler.problem.specification import primitive_from
from harness.conf_files import CONF
from harness.random_nests import random_nest
from tests.compiler.codegen.odd_problems import odd_problem
from tests.compiler.problem.operators import shipped

RANDOM, ODD = "random", "odd"
MOST_FLOPS = 1_000_000
# A drawn window may be larger than its image, or a residual than what it is added to.
NO_WINDOW = re.compile(r"empty output: |reads \d+ before and \d+ after dimension")
EVERY = (*sorted(path.stem for path in (CONF / "primitive").glob("*.yaml")), RANDOM, ODD)
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
    """A shipped primitive of small random sizes: remainders, borders, strides, short reductions.

    `random` is a random nest, `odd` one of forms that users seldom write. What the file's sizes are
    tells what they may be here.
    """
    if name == ODD:
        return odd_problem(random)
    if name == RANDOM:
        return random_nest(RANDOM, random, random.choice([(1e-9, 1e-8), (1e-8, 2e-7)]))
    stated = shipped(name)["sizes"]
    while True:
        sizes = {size: _drawn(size, stated[size], random) for size in stated}
        spec = shipped(name, **sizes)
        try:
            flops = primitive_from(spec).flops
        except ProblemError as error:
            if not NO_WINDOW.search(str(error)):
                raise
            continue
        if flops <= MOST_FLOPS:
            return spec


def _drawn(size: str, stated: int | str, random: Random) -> int | str:
    if isinstance(stated, str):  # a formula in other sizes, now and then a number of its own
        return stated if random.random() < 0.9 else random.randint(1, 2)
    if size.startswith("pad"):
        return random.choice([0, 0, 1, 1, 2])
    if stated <= 2:  # batches, strides, dilations
        return random.choice([1, 1, 1, 2, 3])
    if stated <= 7:  # windows
        return random.choice([1, 2, 3, 3, 5])
    return random.choice([1, 3, 8, 16, 20, 24, 33, random.randint(1, 40)])
