"""From the lanes of a vector to one number, as C text: halves are joined until one lane is left.

x += (x1, x0, x3, x2, ...), and so on: log2(lanes) shuffles instead of lanes - 1 extractions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from compiler.problem.dtypes import DType
from compiler.problem.primitive import Reduction

# gcc has had its own builtin always, clang's only since version 12.
SHUFFLES = """\
typedef {whole} {type} __attribute__((vector_size({bytes})));
#ifdef __clang__
#define {name}({of}, ...) __builtin_shufflevector({both}, __VA_ARGS__)
#else
#define {name}({of}, ...) __builtin_shuffle({of}, ({type}){{__VA_ARGS__}})
#endif
"""


def shuffles(name: str, lanes: int, dtype: DType, of: str = "x") -> str:
    """C text of a macro that takes lanes by number, of x or of x and y, and of a type it needs."""
    words = {"name": name, "type": name.lower(), "whole": dtype.whole, "bytes": dtype.bytes * lanes}
    return SHUFFLES.format(**words, of=of, both="x, y" if "y" in of else "x, x")


def lane_functions(reductions: Collection[Reduction], lanes: int, dtype: DType) -> str:
    """C text that defines `join_NAME` for each of the reductions, from `vec` to a number.

    It stands behind the functions on vectors, of which maxima and minima take their own.
    """
    functions = "".join(_function(name, lanes, dtype) for name in sorted(reductions))
    return (shuffles("SHUFFLE", lanes, dtype) if lanes > 1 else "") + functions


def joined(reduction: Reduction, vectors: Sequence[str]) -> str:
    """C expression of several vectors as one, in halves: so the fewest wait for each other."""
    if len(vectors) == 1:
        return vectors[0]
    half = len(vectors) // 2
    left, right = joined(reduction, vectors[:half]), joined(reduction, vectors[half:])
    return f"({left} + {right})" if reduction == "add" else f"vec_{reduction}({left}, {right})"


def _function(name: Reduction, lanes: int, dtype: DType) -> str:
    half, body = lanes // 2, ""
    while half:
        shuffled = f"SHUFFLE(x, {', '.join(str(lane ^ half) for lane in range(lanes))})"
        body += f"  x = {joined(name, ['x', shuffled])};\n"
        half //= 2
    head = f"static inline __attribute__((always_inline)) {dtype.c} join_{name}(vec x)"
    return f"{head}\n{{\n{body}  return {'x[0]' if lanes > 1 else 'x'};\n}}\n"
