"""The accumulators of a register tile: what they begin with, and how lanes across a sum end in one.

vectors of the output   vec a0v0 = (vec){0};    or what the output holds there
across the reduction    vec l0v0, l0v1, ...     several a point, joined to a number when it is whole
"""

from __future__ import annotations

from compiler.codegen.border_tile import BorderTile, Point, accumulator
from compiler.codegen.finish import sums_loaded
from compiler.codegen.lane_functions import joined
from compiler.codegen.scalar_expression import combined, library, number_text
from compiler.lower.operands import Factors, Summand
from compiler.lower.steps import goes_on
from compiler.problem.dtypes import DType
from compiler.problem.primitive import NEUTRAL, Call, Expression, Read

KEEP_ZERO = ("add", "sub", "mul", "neg", "abs", "max", "min", "sqrt", "tanh", "erf")  # f(0, 0) = 0


def accumulators_set(tile: BorderTile) -> list[str]:
    """Declarations, each with its value, so that no accumulator is used before it has one.

    The neutral element, or what the output holds; where that depends on the tile it is loaded
    afterwards.
    """
    reduced = tile.operands.reduced
    assert reduced is not None
    names = [accumulator(p, j) for p, j in tile.accumulators()]
    if reduced.accumulate and not tile.path.private:
        loads = sums_loaded(tile).values()
        return [f"vec {name} = {load};" for name, load in zip(names, loads, strict=True)]
    lines = [f"vec {name} = {neutral_vector(reduced, tile.dtype)};" for name in names]
    if later := goes_on(tile.path, reduced.accumulate):
        loads = sums_loaded(tile).values()
        held = (f"  {name} = {load};" for name, load in zip(names, loads, strict=True))
        lines += [f"if ({later}) {{", *held, "}"]
    return lines


def neutral_vector(reduced: Summand | Factors, dtype: DType) -> str:
    """C expression of a vector that changes nothing."""
    operation = reduced.reduction if isinstance(reduced, Summand) else "add"
    if operation == "add":
        return "(vec){0}"
    return f"SPLAT({number_text(NEUTRAL[operation], dtype)})"


def lanes_set(tile: BorderTile) -> list[str]:
    """Declarations of accumulators whose lanes are parts of sums: several vectors a point."""
    reduced = tile.operands.reduced
    assert reduced is not None
    names = [lane_sums(p, j) for p in tile.points({}) for j in range(_lane_vectors(tile))]
    return [f"vec {name} = {neutral_vector(reduced, tile.dtype)};" for name in names]


def lanes_joined(tile: BorderTile) -> list[str]:
    """One number a point, with what the output holds where that counts."""
    reduced, path = tile.operands.reduced, tile.path
    assert isinstance(reduced, Summand)
    lines = []
    for point in tile.points({}):
        whole = joined(reduced.reduction, [lane_sums(point, j) for j in range(_lane_vectors(tile))])
        lines.append(f"{tile.result} {accumulator(point, 0)} = join_{reduced.reduction}({whole});")
    always, later = reduced.accumulate and not path.private, goes_on(path, reduced.accumulate)
    if not always and not later:
        return lines
    taken = [
        combined(reduced.reduction, accumulator(point, 0), load, library(tile.dtype))
        for (point, _), load in sums_loaded(tile).items()
    ]
    if always:
        return lines + taken
    return [*lines, f"if ({later}) {{", *("  " + line for line in taken), "}"]


def _lane_vectors(tile: BorderTile) -> int:
    """Vectors of the reduction at once."""
    return tile.leaf.grain(tile.leaf.vector).runs[0][1]


def lane_sums(point: Point, vector: int) -> str:
    """C name of an accumulator whose lanes are parts of one point's sum."""
    return accumulator(point, vector, "l")


def adds_zero(tile: BorderTile) -> bool:
    """Whether lanes past the end of a partial vector, loaded as 0, add 0."""
    reduced = tile.operands.reduced
    assert isinstance(reduced, Summand)
    vectors = {one.access for one in reduced.reads if one.uses(tile.leaf.vector)}
    if any(edge.outside for edge in tile.operands.edges):
        return False

    def zero(value: Expression) -> bool:
        if isinstance(value, Read):
            return value.access in vectors
        return (
            isinstance(value, Call)
            and value.function in KEEP_ZERO
            and all(map(zero, value.arguments))
        )

    return reduced.reduction == "add" and zero(reduced.value)
