"""What the tiles of a piece ask for together is what the next piece reads."""

from __future__ import annotations

import re
from math import prod
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.ahead import NextPiece, next_piece, operands_ahead, tile_offsets
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.lower.operands import operands
from compiler.lower.tree import Microkernel, Path
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.operators import conv2d, matmul

POINTWISE = conv2d(ic=64, oc=64, ih=8, iw=14, kh=1, kw=1, pad_h=0, pad_w=0)
PANEL, ROWS = matmul(m=36, n=192, k=64), matmul(m=48, n=16, k=512)
BLOCKS = "layout:data.aBc32b+out.aBc16b+weight.cdAB32b16a"
CASES: list[tuple[dict[str, Any], str]] = [
    (PANEL, "vector:n.16/tile:n.3+m.9/order:n+m+k/layout:b.Ba16b/ahead:b.n"),
    (PANEL, "vector:n.16/tile:n.3+m.9/order:n+m+k/ahead:b.n"),
    (PANEL, "vector:n.8/tile:n.2+m.6/order:n+m+k/layout:b.Ba8b/ahead:b.n"),
    (PANEL, "vector:n.16/tile:n.2+m.4/order:n@1+k@1+m+n+k/block:n@1.2+k@1.32/layout:b.Ba16b"
     "/ahead:b.k@1"),
    (PANEL, "vector:n.16/tile:n.2+m.4/order:m@1+n+m+k/block:m@1.3/layout:b.Ba16b/ahead:a.m@1+b.n"),
    (ROWS, "vector:n.16/tile:n.1+m.12/order:k@1+m+n+k/block:k@1.128/layout:b.Ba16b/ahead:a.m"),
    (ROWS, "vector:n.16/tile:n.1+m.16/order:m+n+k/layout:b.Ba16b/ahead:a.m"),
    (POINTWISE, f"vector:oc.16/tile:oc.2+oh_ow.14/order:oh_ow+oc+ic@1+ic/block:ic@1.32/{BLOCKS}"
     "/ahead:data.oh_ow"),
    (POINTWISE, "vector:oc.16/tile:oc.1+oh_ow.14/order:oc@1+oh_ow+oc+ic@1+ic/block:oc@1.2+ic@1.32"
     f"/{BLOCKS}/ahead:data.oh_ow+weight.oc@1"),
]  # fmt: skip


def _pieces(spec: dict[str, Any], text: str) -> list[tuple[Path, Microkernel, NextPiece]]:
    tree = fitted(loop_nest(primitive_from(spec)).nest, parse_schedule(f"broadcast/{text}"))
    (path,) = tree.paths()
    leaf = path.leaf
    assert isinstance(leaf, Microkernel)
    return [
        (path, leaf, next_piece(path, leaf, address, level, tile_offsets(leaf, address)))
        for address, level in operands_ahead(path, leaf, operands(tree, leaf))
    ]


def _line(address: Address, element: int) -> int:
    return element * address.layout.dtype.bytes // 64


def _asked(piece: NextPiece) -> list[int]:
    """The lines that the steps of all tiles ask for, as the printed text has it."""
    rows = piece.every_row()
    numbers = [
        turn * piece.share + step // piece.stretch * piece.each_step + more
        for turn in range(piece.tiles)
        for step in range(0, piece.steps, piece.stretch)
        for more in range(piece.each_step)
    ]
    places = (rows[n // piece.run] + n % piece.run * piece.apart for n in numbers)
    return [_line(piece.address, piece.shift + place) for place in places]


def _read(leaf: Microkernel, piece: NextPiece) -> set[int]:
    """The lines that the innermost loop of a tile reads in the same place of the next piece."""
    (*_, level) = leaf.levels
    step = piece.address.coefficient(level.loop, level.points(leaf.grain(level.loop)))
    lanes = leaf.lanes if piece.address.uses(leaf.vector) else 1
    return {
        _line(piece.address, piece.shift + offset + number * step + lane)
        for offset in tile_offsets(leaf, piece.address)
        for number in range(piece.steps)
        for lane in range(lanes)
    }


@pytest.mark.parametrize(("spec", "text"), CASES, ids=[text for _, text in CASES])
def test_all_lines_of_the_next_piece_are_asked_for(spec: dict[str, Any], text: str) -> None:
    found = _pieces(spec, text)
    assert len(found) == len(text.rpartition("ahead:")[2].split("+"))
    for _, leaf, piece in found:
        asked = _asked(piece)
        assert set(asked) == _read(leaf, piece)
        assert len(asked) <= 2 * len(set(asked)) or piece.tiles * piece.steps < 2 * len(set(asked))


def test_tiles_that_read_the_same_piece_share_it() -> None:
    turns = {
        text.split("/")[2].removeprefix("order:") + " " + text.rpartition(":")[2]: [
            piece.turns for _, _, piece in _pieces(spec, text)
        ]
        for spec, text in CASES
    }
    assert turns["n+m+k b.n"] == [(("m", 6),)]
    assert turns["n@1+k@1+m+n+k b.k@1"] == [(("m", 9),)]
    assert turns["m@1+n+m+k a.m@1+b.n"] == [(("n", 6),), (("m", 3),)]  # of one m@1
    assert turns["k@1+m+n+k a.m"] == [(("n", 1),)]
    assert turns["oh_ow+oc+ic@1+ic data.oh_ow"] == [(("oc", 2),)]
    assert turns["oc@1+oh_ow+oc+ic@1+ic data.oh_ow+weight.oc@1"] == [(("oc", 2),), (("oh_ow", 8),)]


def test_the_next_piece_is_where_the_level_goes_on() -> None:
    spec, text = CASES[0]
    ((_, _, panel),) = _pieces(spec, text)
    assert (panel.shift, panel.rows, panel.run) == (3 * 64 * 16, (0, 1024, 2048), 64)
    assert panel.in_one_row and panel.share == 192 // 4 == prod((4, 12)) and panel.stretch == 1
    ((_, _, rows),) = _pieces(*CASES[5])
    assert (rows.shift, rows.rows[:2], rows.run) == (12 * 512, (0, 512), 8)
    assert not rows.in_one_row and rows.share == 96 and rows.steps == 128


REFUSED = {
    "broadcast/vector:n.16/order:m+n+k/ahead:b.k": "ahead:b.k: that level is inside the microkern",
    "broadcast/vector:n.16/order:m+n+k/ahead:b.m": "ahead:b.m: b is the same in all pieces of m",
    "broadcast/vector:n.16/order:m+n+k/ahead:c.m": "ahead:c.m: the factors are a and b",
    "dot/vector:k.16/order:m+n+k/ahead:a.m": "ahead:a.m: only a sum of products fetches ahead",
    "scalar/order:m+n+k/ahead:a.m": "scheme scalar takes order, block",
    "broadcast/vector:n.16/tile:n.1/order:m@1+n+m+k/block:m@1.6/layout:a.Ab4a/ahead:a.m@1":
        "a: a step of 6 along m does not fit blocks of 4",
    "broadcast/vector:n.16/tile:n.1/order:m+n+k/layout:b.Ba16b/microkernel:libxsmm/ahead:b.n":
        "it takes no fusion:S.tile, unroll, prefetch, ahead and nontemporal",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_next_piece_is_refused(text: str) -> None:
    nest = loop_nest(primitive_from(matmul(m=24, n=32, k=32) | {"plain": []})).nest
    with pytest.raises(ScheduleError, match=re.escape(REFUSED[text])):
        fitted(nest, parse_schedule(text))


def test_what_does_not_fit_is_lowered_all_the_same() -> None:
    nest = loop_nest(primitive_from(PANEL)).nest
    (path,) = lowered(nest, parse_schedule("dot/vector:k.16/order:m+n+k/ahead:a.m")).paths()
    assert isinstance(path.leaf, Microkernel) and path.leaf.ahead == (("a", "m"),)
