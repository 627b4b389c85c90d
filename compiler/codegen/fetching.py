"""Prefetches of an operand's next piece: one line or more in each step of a register tile.

Tiles of m take turns at the next vectors of b, which lie in one row; each also asks for a line of
the next tile's rows of a every fourth step:

    static const long rows_a[] = {0, 256, 512, 768};
    const long line_b = at_m / 4 % 3 * 171;
    for (long r_k = 0; r_k < 256; ++r_k) {
      __builtin_prefetch(t_b + v0 + 8192 + (line_b + r_k) * 16);
      if (r_k % 4 == 0) __builtin_prefetch(t_a + s0 + 1024 + rows_a[(r_k / 4) / 16] + ...);
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from compiler.codegen.border_tile import BorderTile, pointer
from compiler.lower.ahead import NextPiece, next_piece, operands_ahead
from compiler.lower.operands import Factors


def fetches_set(tile: BorderTile) -> list[str]:
    """Declarations of the first line that a tile asks for, and of where rows begin."""
    lines = []
    for piece in _pieces(tile):
        name = piece.address.access.tensor
        if not piece.in_one_row:
            rows = ", ".join(map(str, piece.every_row()))
            lines.append(f"static const long rows_{name}[] = {{{rows}}};")
        if piece.tiles > 1:
            lines.append(f"const long line_{name} = {_turn(tile, piece)} * {piece.share};")
    return lines


def fetches(tile: BorderTile, places: tuple[str, str], step: str) -> list[str]:
    """Statements of one step; `places` are the offsets of vectors and scalars before the first."""
    factors = tile.operands.reduced
    assert isinstance(factors, Factors)
    lines = []
    for piece in _pieces(tile):
        name = piece.address.access.tensor
        start = f"{pointer(piece.address)} + {places[piece.address != factors.vector]}"
        for number in range(piece.each_step):
            line = f"({_line(piece, step, number)})"
            at = f"{line} * {piece.apart}"
            if not piece.in_one_row:
                at = f"rows_{name}[{line} / {piece.run}] + {line} % {piece.run} * {piece.apart}"
            which = f"if ({step} % {piece.stretch} == 0) " if piece.stretch > 1 else ""
            lines.append(f"{which}__builtin_prefetch({start} + {piece.shift} + {at});")
    return lines


def _pieces(tile: BorderTile) -> Iterator[NextPiece]:
    for address, level in operands_ahead(tile.path, tile.leaf, tile.operands):
        offsets = [tile.offset(address, point, vector) for point, vector in tile.accumulators()]
        yield next_piece(tile.path, tile.leaf, address, level, offsets)


def _line(piece: NextPiece, step: str, number: int) -> str:
    """C expression of a line that a step asks for, counted over all rows."""
    each, stretch = piece.each_step, piece.stretch
    text = f"{step} * {each}" if each > 1 else f"{step} / {stretch}" if stretch > 1 else step
    first = f"line_{piece.address.access.tensor} + " if piece.tiles > 1 else ""
    return first + text + (f" + {number}" if number else "")


def _turn(tile: BorderTile, piece: NextPiece) -> str:
    """C expression of whose turn it is: which tile of the piece, of those that have one."""
    text = ""
    for loop, tiles in piece.turns:
        number = f"{_number(tile, loop)} % {tiles}"
        text = f"({text} * {tiles} + {number})" if text else number
    every = prod(tiles for _, tiles in piece.turns)
    return f"({text}) % {piece.tiles}" if every > piece.tiles else text


def _number(tile: BorderTile, loop: str) -> str:
    """C expression of which of all tiles of a loop it is, or which piece of a cut reduction."""
    grain = tile.leaf.grain(loop)
    if grain.summed:
        level = next(level for level in tile.path.cut if level.loop == loop)
        return f"at_{loop} / {level.points(grain)}"
    own = next(one for one in tile.tiles if one.loop == loop)
    start = f"(at_{loop} - {own.offset * grain.lanes})" if own.offset > 0 else f"at_{loop}"
    return f"{start} / {own.step * grain.lanes}"
