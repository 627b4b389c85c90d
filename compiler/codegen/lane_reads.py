"""One operand of a register tile at one of its points: a vector, elements apart, or a number.

contiguous       LOAD(p)
elements apart   vec_strided_2(p), picked out of whole vectors; vec_gathered_16(p, step)
padded           at_i - 1 >= 0 ? LOAD(p) : SPLAT(outside)
... along lanes  vec_between(p, 1 - at_j, size - at_j, outside), a load of some lanes
... and apart    first >= 0 && first + 30 < size ? vec_strided_2(p) : vec_edged(p, ..., outside)

Where a tile is known to be inside, `compiler.codegen.interior` prints it without questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compiler.codegen.border_tile import BorderTile, Point
from compiler.codegen.builtins import chosen
from compiler.codegen.interior import sides, times
from compiler.codegen.lane_functions import shuffles
from compiler.codegen.scalar_expression import number_text
from compiler.lower.addressing import Address
from compiler.lower.edges import SHUFFLED, apart
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


# Lanes from `first` to `past` are read, the others are as outside.
BETWEEN = """\
static inline vec vec_between(const {c} *p, long first, long past, {c} other)
{{
{body}}}
"""
PLAIN_BETWEEN = """\
  if (first <= 0 && past >= {lanes}) return LOAD(p);
  vec x = SPLAT(other);
  for (long l = max(first, 0); l < min(past, {lanes}); ++l) {lane} = p[l];
  return x;
"""
EDGED = """\
static __attribute__((noinline))
vec vec_edged(const {c} *p, long step, long n, long at, long by, long size, {c} other)
{{
  vec x = {{0}};
#pragma GCC unroll {lanes}
  for (long l = 0; l < {lanes}; ++l)
    if (l < n)
      {lane} = at + l * by >= 0 && at + l * by < size ? p[l * step] : other;
  return x;
}}
"""


def lane_reads(dtype: DType, lanes: int, texts: Sequence[str]) -> str:
    """C functions that the texts call to put vectors together."""
    words = {"c": dtype.c, "lanes": lanes, "lane": "x[l]" if lanes > 1 else "x"}
    known = {
        f"vec_gathered_{count}": _gathered(dtype, lanes, count) for count in range(1, lanes + 1)
    }
    known["vec_between"] = _between(dtype, lanes, words)
    known["vec_edged"] = EDGED.format(**words)
    if lanes > 1:
        steps = range(2, SHUFFLED + 1)
        known |= {f"vec_strided_{step}": _strided(dtype, lanes, step) for step in steps}
    printed = "".join(body for name, body in known.items() if _called(name, texts))
    picks = _called("PICK", [printed])
    return (shuffles("PICK", lanes, dtype, "x, y") if picks else "") + printed


def _between(dtype: DType, lanes: int, words: Mapping[str, object]) -> str:
    plain = PLAIN_BETWEEN.format(**words)
    body = chosen("load_between", dtype, lanes, plain, lambda text: f"  return {text};\n")
    return BETWEEN.format(**words, body=body)


def _called(name: str, texts: Sequence[str]) -> bool:
    return any(f"{name}(" in text for text in texts)


def _gathered(dtype: DType, lanes: int, count: int) -> str:
    """`vec_gathered_COUNT(p, step)`: so many elements, lanes beyond them 0.

    All of a vector in one expression: written lane by lane, gcc builds it in memory, and the load
    of all of it waits until every store before has left for the cache.
    """
    taken = ", ".join(f"p[{lane} * step]" for lane in range(count))
    return (
        f"static inline vec vec_gathered_{count}(const {dtype.c} *p, long step)\n"
        f"{{\n  return {f'(vec){{{taken}}}' if lanes > 1 else '*p'};\n}}\n"
    )


def _strided(dtype: DType, lanes: int, step: int) -> str:
    """`vec_strided_STEP(p)`: every STEP-th element from p on, and no load past the last of them.

    Each load begins where the one before it ends; a shuffle takes its lanes out of it.
    """
    lines = [
        f"static inline vec vec_strided_{step}(const {dtype.c} *p)",
        "{",
        "  vec x = LOAD(p);",
    ]
    taken = [lane * step if lane * step < lanes else lane for lane in range(lanes)]
    lines.append(f"  x = {_shuffle('x', 'x', taken)};")
    for start in range(lanes - 1, step * (lanes - 1), lanes - 1):
        picked = [
            lanes + lane * step - start if 0 <= lane * step - start < lanes else lane
            for lane in range(lanes)
        ]
        lines.append(f"  x = {_shuffle('x', f'LOAD(p + {start})', picked)};")
    return "\n".join([*lines, "  return x;", "}"]) + "\n"


def _shuffle(one: str, other: str, lanes: Sequence[int]) -> str:
    return f"(vec)PICK({one}, {other}, {', '.join(map(str, lanes))})"


def takes_more(tile: BorderTile, address: Address) -> bool:
    """Whether reading an operand is more than a load."""
    lies_apart = apart(tile.leaf, address) not in (0, 1)
    return lies_apart or tile.operands.edge(address.access) is not None


def lane_read(tile: BorderTile, name: str, address: Address, spot: Spot) -> str:
    """C expression of the operand; `name` points to its element at the tile's first point."""
    loop, lanes, offset = tile.leaf.vector, tile.leaf.lanes, spot.offset(address)
    count = lanes if tile.whole(address) else tile.partial(spot.vector) or lanes
    step = apart(tile.leaf, address)
    is_vector = address.uses(loop)
    if not is_vector:
        text = f"{name}[{offset}]"
    elif step == 1:
        text = tile.load(name, address, offset, spot.vector)
    elif 1 < step <= SHUFFLED and count == lanes > 1:
        text = f"vec_strided_{step}({name} + {offset})"
    else:
        text = f"vec_gathered_{count}({name} + {offset}, {step})"
    kind = "(vec)" if is_vector else ""  # builtins have types of their own
    edge = tile.operands.edge(address.access)
    if edge is None:
        return text
    outside = number_text(edge.outside, address.layout.dtype)
    conditions, between = [], False
    start, past = "0", str(count)
    for index, size in edge.questions:
        first, move = _text(index, spot), index.coefficient(loop)
        below, beyond = sides(tile, (index, size))
        if not is_vector or not move:
            conditions += [f"{first} >= 0"] * below + [f"{first} < {size}"] * beyond
        elif step == move == 1:
            between = True
            start = f"-{first}" if below else start
            past = f"min({past}, {size} - {first})" if beyond else past
        else:
            ends = sorted((0, (count - 1) * move))
            inside = f"{first} + {ends[0]} >= 0 && {first} + {ends[1]} < {size}"
            rest = f"{step}, {count}, {first}, {move}, {size}, {outside}"
            text = f"({inside} ? (vec){text} : vec_edged({name} + {offset}, {rest}))"
    inside = " && ".join(conditions)
    if between:
        past = f"{inside} ? {past} : 0" if conditions else past
        return f"vec_between({name} + {offset}, {start}, {past}, {outside})"
    if not conditions:
        return text
    other = f"SPLAT({outside})" if is_vector else outside
    return f"({inside} ? {kind}{text} : {kind}{other})"


def _text(index: Affine, spot: Spot) -> str:
    terms = [times(spot.position(loop), c) for loop, c in index.terms]
    return f"({' + '.join([*terms, str(index.constant)])})".replace("+ -", "- ")
