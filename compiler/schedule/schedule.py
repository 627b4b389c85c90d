"""A schedule: every choice that turns a loop nest into one kernel, as a small frozen value.

Loops are named as in the normalised nest. A loop appears in an order once per level: `ic` is its
finest level, `ic@1` a loop over tiles of it, `ic@2` a loop over tiles of those. The text form is
one line without parentheses, commas, semicolons or blanks, so that it can be pasted as an override:

    broadcast/vector:oc.8/tile:ow.6+oc.2/order:n+oc@1+oh+ow+oc+ic@1+kh+kw+ic/block:oc@1.4+ic@1.16/...
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from compiler.errors import ScheduleError
from compiler.microkernel.catalogue import MICROKERNELS, VECTOR_SCHEMES
from compiler.model.reassociation import NUMERICS
from compiler.problem.names import PLACES

SCHEMES = (*VECTOR_SCHEMES, "scalar")
LANES = (1, 2, 4, 8, 16, 32, 64)  # powers of two: what C compilers take as vector types
Sizes = tuple[tuple[str, int], ...]
Tags = tuple[tuple[str, str], ...]
# Where a fused statement is attached, and where a buffer lives that is outside of all levels
TILE, ROOT = PLACES
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LEVEL = re.compile(rf"({_NAME})(?:@([1-9]))?")


def loop_of(level: str) -> str:
    """The loop that a level such as `ic@1` strip-mines."""
    return level.partition("@")[0]


def depth_of(level: str) -> int:
    """0 for the finest level of a loop, 1 for `ic@1`, and so on."""
    return int(level.partition("@")[2] or 0)


@dataclass(frozen=True)
class Attached:
    """A statement that is computed inside another's band.

    `at` TILE it is computed on the accumulators, in no loops of its own; at a level, its own band
    runs there, over what the rest of that level's body reads.
    """

    statement: int
    at: str = TILE


@dataclass(frozen=True)
class Band:
    """The loops of one statement, and how its innermost part is computed.

    scheme       broadcast (the vector runs over output channels), pixels (over image columns),
                 lanes (over any loop of the output), dot (over a loop of the reduction, the lanes
                 joined at last) or scalar (one statement instance at a time)
    order        levels, outermost first; the reduction levels after the last other level belong to
                 the microkernel, which holds the whole register tile in registers meanwhile
    vector       the loop that fills vector lanes, and the lanes
    tile         register tile: points of a loop, or vectors of the vector loop
    block        tile sizes by level: points of a reduction loop, register tiles of another, and of
                 the one that fills the lanes
    parallel     levels run by OpenMP threads, the outermost ones
    private      reduction levels among these, with the tensor of which each piece has a copy; the
                 copies are summed after the loops
    unroll       iterations of the innermost reduction loop unrolled
    prefetch     bytes ahead on the vector operand, of several on those each point has of its own;
                 0 for none
    ahead        operands of which the next piece of a level around the microkernel is fetched
                 meanwhile: each register tile of this piece asks for a share of its lines
    nontemporal  write the output past the caches
    microkernel  what fills the innermost tile: `generated` C; `libxsmm` or `cblas`, that library's
                 matrix product over the tile and the innermost reduction loop, which accumulates
                 into memory, so that no registers bound the tile; or `product`, C in its place: the
                 last pixel, vector and channel levels are one product
    of           the statement's number; None: the first one that no earlier band has, or all of
                 them, one after another, when there is no other band and nothing is fused
    fusion       statements computed inside: at `tile` those that follow element by element, before
                 the tile is stored; at a level bands of earlier statements, once for each piece
    keep         of the statements at a level, those whose buffer lives at one further out, or at
                 `root`: a piece computes what the pieces before it there have not
    """

    scheme: str
    order: tuple[str, ...]
    vector: tuple[str, int] = ("", 1)
    tile: Sizes = ()
    block: Sizes = ()
    parallel: tuple[str, ...] = ()
    private: Tags = ()
    unroll: int = 1
    prefetch: int = 0
    ahead: Tags = ()
    nontemporal: bool = False
    microkernel: str = "generated"
    of: int | None = None
    fusion: tuple[Attached, ...] = ()
    keep: tuple[Attached, ...] = ()

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            _refuse(f"unknown scheme '{self.scheme}'; known: {', '.join(SCHEMES)}")
        for level in (*self.order, *self.parallel):
            if not _LEVEL.fullmatch(level):
                _refuse(f"'{level}' is no level; expected LOOP or LOOP@1 to LOOP@9")
        if len(set(self.order)) != len(self.order):
            _refuse(f"order names a level twice: {'+'.join(self.order)}")
        _check_names_once("tile", self.tile)
        _check_names_once("block", self.block)
        _check_names_once("ahead", self.ahead)
        for name, size in (self.vector, *self.tile, *self.block):
            if size < 1:
                _refuse(f"size of '{name}' must be >= 1, got {size}")
        if unknown := [level for level in self.parallel if level not in self.order]:
            _refuse(f"parallel level '{unknown[0]}' is not in the order")
        for tensor, level in self.ahead:
            if level not in self.order:
                _refuse(f"ahead:{tensor}.{level}: the order has no such level")
        for tensor, level in self.private:
            if level not in self.parallel:
                _refuse(f"private:{tensor}.{level}: no parallel level of that name")
        if len(set(self.private)) != len(self.private):
            _refuse(f"private names '{max(self.private, key=self.private.count)[1]}' twice")
        if self.private and (self.fusion or self.nontemporal):
            field = "fusion" if self.fusion else "nontemporal"
            _refuse(f"private: {field} needs whole sums, copies are summed after the loops")
        if self.scheme != "scalar" and not self.vector[0]:
            _refuse(f"scheme {self.scheme} needs vector:LOOP.LANES")
        if self.vector[1] not in LANES:
            _refuse(f"vector lanes must be one of {LANES}, got {self.vector[1]}")
        if not 1 <= self.unroll <= 64 or self.prefetch < 0:
            _refuse(f"unroll must be 1 to 64 and prefetch >= 0, got {self.unroll}, {self.prefetch}")
        if self.microkernel not in MICROKERNELS:
            known = ", ".join(MICROKERNELS)
            _refuse(f"unknown microkernel '{self.microkernel}'; known: {known}")
        numbers = [attached.statement for attached in self.fusion]
        if len(set(numbers)) != len(numbers):
            _refuse(f"fusion names S{max(numbers, key=numbers.count)} twice")
        for attached in self.fusion:
            if attached.at not in (TILE, *self.order):
                where = f"S{attached.statement}.{attached.at}"
                _refuse(f"fusion: {where}: the order has no such level; give one, or {TILE}")
        self._check_keep()

    def _check_keep(self) -> None:
        """What is kept is attached, to a level inside the one where its buffer lives."""
        at = {attached.statement: attached.at for attached in self.attached}
        for kept in self.keep:
            where = f"keep: S{kept.statement}.{kept.at}"
            if kept.statement not in at:
                _refuse(f"{where}: S{kept.statement} is attached to no level of this band")
            if kept.at not in (ROOT, *self.order):
                _refuse(f"{where}: the order has no such level; give one, or {ROOT}")
            inside = self.order.index(at[kept.statement])
            if kept.at != ROOT and self.order.index(kept.at) >= inside:
                _refuse(
                    f"{where}: S{kept.statement} is computed at {at[kept.statement]}; give a "
                    f"level around that, or {ROOT}"
                )
        numbers = [kept.statement for kept in self.keep]
        if len(set(numbers)) != len(numbers):
            _refuse(f"keep names S{max(numbers, key=numbers.count)} twice")

    @property
    def vectorised(self) -> bool:
        """Whether it fills vector lanes at all."""
        return self.scheme != "scalar" and self.vector[1] > 1

    @property
    def fused(self) -> tuple[int, ...]:
        """Statements that have no band of their own."""
        return tuple(attached.statement for attached in self.fusion if attached.at == TILE)

    @property
    def attached(self) -> tuple[Attached, ...]:
        """Statements whose bands run inside of this one."""
        return tuple(attached for attached in self.fusion if attached.at != TILE)

    def serial(self) -> Band:
        """The same on one thread: how it runs inside a level of another band."""
        return replace(self, parallel=(), private=())

    def attaching(self, numbers: Iterable[int], level: str) -> Band:
        """The same with the bands of some statements at one of its levels too."""
        every = (*self.fusion, *(Attached(number, level) for number in numbers))
        return replace(self, fusion=tuple(sorted(every, key=lambda one: one.statement)))

    def without(self, numbers: Collection[int]) -> Band:
        """The same with the bands of some statements at none of its levels."""
        fusion = (one for one in self.fusion if one.at == TILE or one.statement not in numbers)
        keep = (one for one in self.keep if one.statement not in numbers)
        return replace(self, fusion=tuple(fusion), keep=tuple(keep))

    def tile_of(self, loop: str) -> int:
        return dict(self.tile).get(loop, 1)

    def block_of(self, level: str) -> int | None:
        return dict(self.block).get(level)


@dataclass(frozen=True)
class Schedule:
    """Bands in the order they run, and where the tensors of all of them lie.

    layout       tensor -> tag, oneDNN's letters over the normalised dimensions (`aBcd8b`)
    pack         tensors copied into a padded workspace first, with the copy's tag
    numerics     algebra that changes rounding: with `reassociate` bands are of the statements that
                 `compiler.model.reassociation` makes of the nest's
    """

    bands: tuple[Band, ...]
    layout: Tags = ()
    pack: Tags = ()
    numerics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.numerics:
            if name not in NUMERICS:
                _refuse(f"numerics: unknown '{name}'; known: {', '.join(NUMERICS)}")
        _check_names_once("layout", self.layout)
        _check_names_once("pack", self.pack)

    @property
    def band(self) -> Band:
        """The band of a schedule that has one."""
        (band,) = self.bands
        return band

    def with_band(self, **fields: Any) -> Schedule:
        """The schedule with some fields of its only band changed."""
        return replace(self, bands=(replace(self.band, **fields),))

    @property
    def vectorised(self) -> bool:
        """Whether any band fills vector lanes at all."""
        return any(band.vectorised for band in self.bands)

    def __str__(self) -> str:
        *earlier, last = self.bands
        return "/".join(
            [
                *(_text(band, (), ()) for band in earlier),
                _text(last, self.layout, self.pack),
                *(f"numerics:{'+'.join(names)}" for names in [self.numerics] if names),
            ]
        )


def _text(band: Band, layout: Tags, pack: Tags) -> str:
    def sizes(pairs: Sizes | Tags) -> str:
        return "+".join(f"{name}.{value}" for name, value in pairs)

    fields = [
        ("of", "" if band.of is None else f"S{band.of}"),
        ("vector", f"{band.vector[0]}.{band.vector[1]}" if band.vector[0] else ""),
        ("tile", sizes(band.tile)),
        ("order", "+".join(band.order)),
        ("block", sizes(band.block)),
        ("parallel", "+".join(band.parallel)),
        ("private", sizes(band.private)),
        ("fusion", "+".join(f"S{a.statement}.{a.at}" for a in band.fusion)),
        ("keep", "+".join(f"S{a.statement}.{a.at}" for a in band.keep)),
        ("layout", sizes(layout)),
        ("pack", sizes(pack)),
        ("unroll", str(band.unroll) if band.unroll != 1 else ""),
        ("prefetch", str(band.prefetch) if band.prefetch else ""),
        ("ahead", sizes(band.ahead)),
        ("nontemporal", "1" if band.nontemporal else ""),
        ("microkernel", band.microkernel if band.microkernel != "generated" else ""),
    ]
    return "/".join([band.scheme, *(f"{name}:{value}" for name, value in fields if value)])


def _check_names_once(field: str, pairs: Sizes | Tags) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        _refuse(f"{field} names '{max(names, key=names.count)}' twice")


def _refuse(message: str) -> NoReturn:
    raise ScheduleError(f"schedule: {message}")
