"""What a register tile fetches ahead: its share of an operand's next piece of a level around it.

With order:n+m+k and ahead:b.n all tiles of m read the same piece of b while one n runs, and each
asks for its share of the piece that the next n reads.

So a piece that several tiles share arrives while all of them compute, instead of while the first
one waits. Lines are asked for one row after another: memory answers those of one page fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.operands import Factors, Operands
from compiler.lower.tree import Level, Microkernel, Path

LINE = 64  # bytes


@dataclass(frozen=True)
class NextPiece:
    """The lines that the tiles of a piece ask for, `share` of them each in all of its `steps`.

    Line `i` is number `i % run` of row `i / run`, `apart` elements from the one before. `rows` and
    `shift` are in elements: from the tile's first point to each row, and to the same place of the
    next piece. `turns` are loops whose tiles, so many of each, share the piece. Steps that are left
    go on behind the share; of the last row lines are asked for again.
    """

    address: Address
    shift: int
    rows: tuple[int, ...]
    run: int
    apart: int
    steps: int
    turns: tuple[tuple[str, int], ...]

    @property
    def share(self) -> int:
        return -(-self.lines // prod(tiles for _, tiles in self.turns))

    @property
    def lines(self) -> int:
        return len(self.rows) * self.run

    @property
    def in_one_row(self) -> bool:
        """Whether each row goes on where the one before ends."""
        length = self.run * self.apart
        return all(row == number * length for number, row in enumerate(self.rows))

    @property
    def tiles(self) -> int:
        """How many tiles it takes to ask for all lines; further ones ask again."""
        return -(-self.lines // self.share)

    @property
    def each_step(self) -> int:
        """Lines asked for in a step."""
        return -(-self.share // self.steps)

    @property
    def stretch(self) -> int:
        """Steps from a line to the next one, a power of two."""
        return 1 << max(1, self.steps // self.share).bit_length() - 1

    def every_row(self) -> tuple[int, ...]:
        """The rows, the last one again for all that steps ask for behind it."""
        last = (self.steps - 1) // self.stretch * self.each_step + self.each_step - 1
        count = ((self.tiles - 1) * self.share + last) // self.run + 1
        return self.rows + self.rows[-1:] * (count - len(self.rows))


def next_piece(
    path: Path, leaf: Microkernel, address: Address, level: Level, offsets: Sequence[int]
) -> NextPiece:
    """That of a tile whose points and vectors lie at `offsets`, in elements from its first point.

    ScheduleError where pieces of the level are no whole blocks of the operand's layout.
    """
    size = address.layout.dtype.bytes
    steps, step = _innermost(path, leaf, address)
    rows = tuple({at * size // LINE: at for at in sorted(offsets, reverse=True)}.values())
    run, apart = steps, step
    if step * size < LINE:
        run, apart = max(1, -(-steps * step * size // LINE)), LINE // size
    return NextPiece(
        address,
        address.coefficient(level.loop, level.points(leaf.grain(level.loop))),
        rows[::-1],
        run,
        apart,
        steps,
        _turns(path, address, level),
    )


def operands_ahead(
    path: Path, leaf: Microkernel, placed: Operands
) -> tuple[tuple[Address, Level], ...]:
    """The operands of which a next piece is fetched; ScheduleError where there is no such piece."""
    found = []
    for tensor, name in leaf.ahead:
        where = f"schedule: ahead:{tensor}.{name}"
        factors = placed.reduced
        if not isinstance(factors, Factors):
            raise ScheduleError(f"{where}: only a sum of products fetches ahead")
        operands = {one.access.tensor: one for one in (factors.broadcast, factors.vector)}
        if tensor not in operands:
            raise ScheduleError(f"{where}: the factors are {' and '.join(sorted(operands))}")
        level = next((level for level in path.loops if level.name == name), None)
        if level is None:
            raise ScheduleError(f"{where}: that level is inside the microkernel")
        if not operands[tensor].uses(level.loop):
            raise ScheduleError(f"{where}: {tensor} is the same in all pieces of {name}")
        found.append((operands[tensor], level))
    return tuple(found)


def tile_offsets(leaf: Microkernel, address: Address) -> tuple[int, ...]:
    """Elements of an operand from the first point of a largest register tile to each of them."""
    found = [0]
    for grain in leaf.grains:
        if grain.summed or grain.points == 1 or not address.uses(grain.loop):
            continue
        step = address.coefficient(grain.loop, grain.lanes)
        found = [start + step * number for start in found for number in range(grain.runs[0][1])]
    return tuple(found)


def _innermost(path: Path, leaf: Microkernel, address: Address) -> tuple[int, int]:
    """Steps of the microkernel's innermost loop, and elements of an operand between them."""
    if not leaf.levels:
        return 1, 0
    level = leaf.levels[-1]
    grain = leaf.grain(level.loop)
    around = [x.points(grain) for x in path.levels if x.loop == level.loop]
    points = min([*around[:-1], grain.extent])
    return -(-points // around[-1]), address.coefficient(level.loop, around[-1])


def _turns(path: Path, address: Address, level: Level) -> tuple[tuple[str, int], ...]:
    """The loops inside a level that do not move an operand, with their tiles in a piece of it."""
    place = path.loops.index(level) + 1
    found: dict[str, int] = {}
    for inner in path.loops[place:]:
        if not address.uses(inner.loop):
            grain = path.leaf.grain(inner.loop)
            outer = [x.step for x in path.loops[:place] if x.loop == inner.loop]
            found[inner.loop] = -(-min([*outer, grain.count]) // inner.step)
    return tuple(found.items())
