"""From the lanes of a vector to one number, as C text: halves are joined until one lane is left.

x += (x1, x0, x3, x2, ...), and so on: log2(lanes) shuffles instead of lanes - 1 extractions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from compiler.problem.dtypes import DType
from compiler.problem.primitive import Reduction

SHUFFLES = """\
typedef {whole} shuffle __attribute__((vector_size({bytes})));
#ifdef __clang__
#define SHUFFLE(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#else
#define SHUFFLE(x, ...) __builtin_shuffle(x, (shuffle){{__VA_ARGS__}})
#endif
"""


def lane_functions(reductions: Collection[Reduction], lanes: int, dtype: DType) -> str:
    """C text that defines `join_NAME` for each of the reductions, from `vec` to a number.

    It stands behind the functions on vectors, of which maxima and minima take their own.
    """
    shuffles = SHUFFLES.format(whole=dtype.whole, bytes=dtype.bytes * lanes)
    return (shuffles if lanes > 1 else "") + "".join(
        _function(name, lanes, dtype) for name in sorted(reductions)
    )


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
