"""Prints what calling a kernel from Python costs beyond the kernel (see README.md here)."""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

import polydl

CALLS, ROUNDS = 2000, 200


def microseconds(call: Callable[[], object]) -> str:
    """Of one call, in the fastest round."""
    return f"{1e6 * min(timeit.repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS:.2f}"


def main() -> None:
    kernel = polydl.kernel("matmul", m=4, n=16, k=8)  # a tenth of a microsecond
    a, b = np.ones((4, 8), np.float32), np.ones((8, 16), np.float32)
    packed_a, packed_b, out = kernel.pack("a", a), kernel.pack("b", b), kernel.empty("c")
    packed_out = kernel.pack("c", out)
    table = Table("call", "microseconds")
    table.add_row(
        "packed, output given", microseconds(lambda: kernel(packed_a, packed_b, c=packed_out))
    )
    table.add_row("packed, output made", microseconds(lambda: kernel(packed_a, packed_b)))
    table.add_row("arrays, output given", microseconds(lambda: kernel(a, packed_b, c=out)))
    table.add_row("arrays, output made", microseconds(lambda: kernel(a, packed_b)))
    table.add_row("arrays, weights packed in the call", microseconds(lambda: kernel(a, b)))
    Console().print(table)


if __name__ == "__main__":
    main()
