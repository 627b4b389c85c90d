"""A schedule: every choice that turns a loop nest into one kernel, as a small frozen value.

Loops are named as in the normalised nest. A loop appears in `order` once per level: `ic` is its
finest level, `ic@1` a loop over tiles of it, `ic@2` a loop over tiles of those. The text form is
one line without parentheses, commas, semicolons or blanks, so that it can be pasted as an override:

    broadcast/vector:oc.8/tile:ow.6+oc.2/order:n+oc@1+oh+ow+oc+ic@1+kh+kw+ic/block:oc@1.4+ic@1.16/...
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.errors import ScheduleError

SCHEMES = ("broadcast", "pixels", "scalar")
FIELDS = ("vector", "tile", "order", "block", "parallel", "layout", "pack", "unroll")
TUNING_FIELDS = ("prefetch", "nontemporal", "fusion", "microkernel")
LANES = (1, 2, 4, 8, 16, 32, 64)  # powers of two: what C compilers take as vector types
Sizes = tuple[tuple[str, int], ...]
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LEVEL = re.compile(rf"({_NAME})(?:@([1-9]))?")


def loop_of(level: str) -> str:
    """The loop that a level such as `ic@1` strip-mines."""
    return level.partition("@")[0]


def depth_of(level: str) -> int:
    """0 for the finest level of a loop, 1 for `ic@1`, and so on."""
    return int(level.partition("@")[2] or 0)


@dataclass(frozen=True)
class Schedule:
    """All fields of a schedule, also those that today's code generator leaves at their defaults.

    scheme       broadcast (the vector runs over output channels), pixels (over image columns)
                 or scalar (the untransformed nest, one statement instance at a time)
    order        levels, outermost first; the reduction levels after the last other level belong to
                 the microkernel, which holds the whole register tile in registers meanwhile
    vector       the loop that fills vector lanes, and the lanes
    tile         register tile: points of a loop, or vectors of the vector loop
    block        tile sizes by level: points of a reduction loop, register tiles of another
    parallel     levels run by OpenMP threads, the outermost ones
    layout       tensor -> tag, oneDNN's letters over the normalised dimensions (`aBcd8b`)
    pack         tensors copied into a padded workspace first, with the copy's tag
    unroll       iterations of the innermost reduction loop unrolled
    prefetch     bytes ahead on the vector operand, 0 for none
    nontemporal  write the output past the caches
    fusion       producers computed inside their consumer's tile
    microkernel  what fills the innermost tile: `generated` C; `product`, the same C in the place of
                 a library's matrix product, which is how the paper's analysis sees it: the last
                 pixel, vector and channel levels are one product that accumulates into memory; or
                 the name of a library
    """

    scheme: str
    order: tuple[str, ...]
    vector: tuple[str, int] = ("", 1)
    tile: Sizes = ()
    block: Sizes = ()
    parallel: tuple[str, ...] = ()
    layout: tuple[tuple[str, str], ...] = ()
    pack: tuple[tuple[str, str], ...] = ()
    unroll: int = 1
    prefetch: int = 0
    nontemporal: bool = False
    fusion: tuple[str, ...] = ()
    microkernel: str = "generated"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            _refuse(f"unknown scheme '{self.scheme}'; known: {', '.join(SCHEMES)}")
        for level in (*self.order, *self.parallel):
            if not _LEVEL.fullmatch(level):
                _refuse(f"'{level}' is no level; expected LOOP or LOOP@1 to LOOP@9")
        if len(set(self.order)) != len(self.order):
            _refuse(f"order names a level twice: {'+'.join(self.order)}")
        for field in ("tile", "block", "layout", "pack"):
            names = [name for name, _ in getattr(self, field)]
            if len(set(names)) != len(names):
                _refuse(f"{field} names '{max(names, key=names.count)}' twice")
        for name, size in (self.vector, *self.tile, *self.block):
            if size < 1:
                _refuse(f"size of '{name}' must be >= 1, got {size}")
        if unknown := [level for level in self.parallel if level not in self.order]:
            _refuse(f"parallel level '{unknown[0]}' is not in the order")
        if self.scheme != "scalar" and not self.vector[0]:
            _refuse(f"scheme {self.scheme} needs vector:LOOP.LANES")
        if self.vector[1] not in LANES:
            _refuse(f"vector lanes must be one of {LANES}, got {self.vector[1]}")
        if not 1 <= self.unroll <= 64 or self.prefetch < 0:
            _refuse(f"unroll must be 1 to 64 and prefetch >= 0, got {self.unroll}, {self.prefetch}")

    def __str__(self) -> str:
        def sizes(pairs: tuple[tuple[str, int | str], ...]) -> str:
            return "+".join(f"{name}.{value}" for name, value in pairs)

        fields = [
            ("vector", f"{self.vector[0]}.{self.vector[1]}" if self.vector[0] else ""),
            ("tile", sizes(self.tile)),
            ("order", "+".join(self.order)),
            ("block", sizes(self.block)),
            ("parallel", "+".join(self.parallel)),
            ("layout", sizes(self.layout)),
            ("pack", sizes(self.pack)),
            ("unroll", str(self.unroll) if self.unroll != 1 else ""),
            ("prefetch", str(self.prefetch) if self.prefetch else ""),
            ("nontemporal", "1" if self.nontemporal else ""),
            ("fusion", "+".join(self.fusion)),
            ("microkernel", self.microkernel if self.microkernel != "generated" else ""),
        ]
        return "/".join([self.scheme, *(f"{name}:{value}" for name, value in fields if value)])

    @property
    def vectorised(self) -> bool:
        """Whether it fills vector lanes at all."""
        return self.scheme != "scalar" and self.vector[1] > 1

    def tile_of(self, loop: str) -> int:
        return dict(self.tile).get(loop, 1)

    def block_of(self, level: str) -> int | None:
        return dict(self.block).get(level)


def parse_schedule(text: str) -> Schedule:
    """The schedule whose text form this is; `parse_schedule(str(s)) == s`."""
    text = text.strip()
    if re.search(r"\s", text):
        _refuse(f"{text!r} holds blanks")
    scheme, *parts = text.split("/")
    fields: dict[str, str] = {}
    for part in parts:
        name, colon, value = part.partition(":")
        if not colon or not value or name not in FIELDS + TUNING_FIELDS:
            _refuse(
                f"'{part}' is no field; expected NAME:VALUE, "
                f"NAME one of {', '.join(FIELDS + TUNING_FIELDS)}"
            )
        if name in fields:
            _refuse(f"field '{name}' is given twice")
        fields[name] = value

    def names(field: str) -> tuple[str, ...]:
        return tuple(fields[field].split("+")) if field in fields else ()

    def pairs(field: str) -> tuple[tuple[str, str], ...]:
        split = [item.partition(".") for item in names(field)]
        if bad := ["".join(s) for s in split if not s[0] or not s[2]]:
            _refuse(f"{field}: '{bad[0]}' is not of the form NAME.VALUE")
        return tuple((name, value) for name, _, value in split)

    def number(field: str, value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value):
            _refuse(f"{field}: '{value}' is no whole number")
        return int(value)

    def sizes(field: str) -> Sizes:
        return tuple((name, number(field, value)) for name, value in pairs(field))

    if "order" not in fields:
        _refuse(f"'{text}' names no order")
    vectors = sizes("vector")
    if len(vectors) > 1:
        _refuse(f"vector: expected one LOOP.LANES, got '{fields['vector']}'")
    return Schedule(
        scheme=scheme,
        order=names("order"),
        vector=vectors[0] if vectors else ("", 1),
        tile=sizes("tile"),
        block=sizes("block"),
        parallel=names("parallel"),
        layout=pairs("layout"),
        pack=pairs("pack"),
        unroll=number("unroll", fields.get("unroll", "1")),
        prefetch=number("prefetch", fields.get("prefetch", "0")),
        nontemporal=bool(number("nontemporal", fields.get("nontemporal", "0"))),
        fusion=names("fusion"),
        microkernel=fields.get("microkernel", "generated"),
    )


def _refuse(message: str) -> None:
    raise ScheduleError(f"schedule: {message}")
