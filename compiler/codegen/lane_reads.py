"""One operand of a register tile at one of its points: a vector, elements apart, or a number.

contiguous       LOAD(p)
elements apart   vec_gathered(p, step, lanes)
padded           at_i - 1 >= 0 ? LOAD(p) : SPLAT(outside)
... along lanes  first >= 0 && first + 15 < size ? LOAD(p) : vec_edged(p, ..., outside)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.codegen.border_tile import BorderTile, Point
from compiler.codegen.scalar_expression import number_text
from compiler.lower.addressing import Address
from compiler.problem.dtypes import DType
from compiler.problem.primitive import Affine


@dataclass(frozen=True)
class Spot:
    """A vector at one point of a register tile.

    `offset` gives C text of the elements of an operand up to there from the tile's first point,
    `position` of the value that a loop has there, in the first lane.
    """

    vector: int
    offset: Callable[[Address], str]
    position: Callable[[str], str]


def at_point(tile: BorderTile, point: Point, vector: int) -> Spot:
    """A point as a register tile counts them."""
    return Spot(
        vector,
        lambda address: str(tile.offset(address, point, vector)),
        lambda loop: tile.position(loop, point, vector),
    )


# Lanes beyond n are 0.
FUNCTIONS = """\
static inline vec vec_gathered(const {c} *p, long step, long n)
{{
  vec x = {{0}};
#pragma GCC unroll {lanes}
  for (long l = 0; l < n; ++l)
    {lane} = p[l * step];
  return x;
}}

static __attribute__((noinline, unused))
vec vec_edged(const {c} *p, long step, long n, long at, long by, long size, {c} other)
{{
  vec x = {{0}};
  for (long l = 0; l < n; ++l)
    {lane} = at + l * by >= 0 && at + l * by < size ? p[l * step] : other;
  return x;
}}
"""


def lane_reads(dtype: DType, lanes: int) -> str:
    """C functions for what `lane_read` calls."""
    return FUNCTIONS.format(c=dtype.c, lanes=lanes, lane="x[l]" if lanes > 1 else "x")


def asks(tile: BorderTile) -> bool:
    """Whether a tile calls any of them."""
    return any(takes_more(tile, one) for one in (*tile.reduced, *tile.operands.reads))


def takes_more(tile: BorderTile, address: Address) -> bool:
    """Whether reading an operand is more than a load."""
    vector = tile.leaf.vector
    apart = address.uses(vector) and not address.contiguous(vector)
    return apart or tile.operands.edge(address.access) is not None


def lane_read(tile: BorderTile, name: str, address: Address, spot: Spot) -> str:
    """C expression of the operand; `name` points to its element at the tile's first point."""
    loop, lanes, offset = tile.leaf.vector, tile.leaf.lanes, spot.offset(address)
    count = lanes if tile.whole(address) else tile.partial(spot.vector) or lanes
    step = address.coefficient(loop, 1)
    is_vector = address.uses(loop)
    if not is_vector:
        text = f"{name}[{offset}]"
    elif step == 1:
        text = tile.load(name, address, offset, spot.vector)
    else:
        text = f"vec_gathered({name} + {offset}, {step}, {count})"
    kind = "(vec)" if is_vector else ""  # builtins have types of their own
    edge = tile.operands.edge(address.access)
    if edge is None:
        return text
    outside = number_text(edge.outside, address.layout.dtype)
    conditions = []
    for index, size in edge.questions:
        first, move = _text(index, spot), index.coefficient(loop)
        if not is_vector or not move:
            conditions.append(f"{first} >= 0 && {first} < {size}")
            continue
        ends = sorted((0, (count - 1) * move))
        inside = f"{first} + {ends[0]} >= 0 && {first} + {ends[1]} < {size}"
        crossing = (
            f"vec_edged({name} + {offset}, {step}, {count}, {first}, {move}, {size}, {outside})"
        )
        text = f"({inside} ? (vec){text} : {crossing})"
    if not conditions:
        return text
    other = f"SPLAT({outside})" if is_vector else outside
    return f"({' && '.join(conditions)} ? {kind}{text} : {kind}{other})"


def _text(index: Affine, spot: Spot) -> str:
    terms = [f"({spot.position(loop)}) * {c}" for loop, c in index.terms]
    return f"({' + '.join([*terms, str(index.constant)])})".replace("+ -", "- ")
