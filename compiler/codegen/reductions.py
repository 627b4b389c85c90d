"""The reduction of a microkernel: accumulators in registers, loops around multiply-adds or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from compiler.codegen.accumulators import (
    accumulators_set,
    adds_zero,
    lane_sums,
    lanes_joined,
    lanes_set,
    neutral_vector,
)
from compiler.codegen.border_tile import BorderTile, Point, accumulator, pointer
from compiler.codegen.fetching import fetches, fetches_set
from compiler.codegen.interior import (
    asks,
    deciding,
    is_whole,
    questions_of,
    steps_inside,
    straight_where_inside,
    versions,
)
from compiler.codegen.lane_reads import at_point, lane_read, takes_more
from compiler.codegen.multiply_adds import multiply_add
from compiler.codegen.vector_expression import vector_value
from compiler.codegen.windows import shared_reads, window
from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, TileClass
from compiler.lower.edges import Question
from compiler.lower.operands import Factors, Summand, streamed
from compiler.lower.steps import Step, steps_of, tap_range, variable
from compiler.lower.tree import Level


def offsets(tile: BorderTile) -> list[str]:
    """Declarations of where the operands of the reduction begin."""
    return [
        f"const long {prefix}0 = {tile.base(address)};"
        for prefix, address in zip(_prefixes(tile), tile.reduced, strict=True)
    ]


def _prefixes(tile: BorderTile) -> tuple[str, ...]:
    """Of the operands' offsets, one for each depth of the loops: vectors v and scalars s, or x."""
    if isinstance(tile.operands.reduced, Factors):
        return "v", "s"
    return tuple(f"x{number}_" for number in range(len(tile.reduced)))


def summed(tile: BorderTile) -> list[str]:
    """C lines that leave what is reduced in the accumulators."""
    accesses = {address.access for address in tile.reduced}

    def printed(own: BorderTile) -> list[str]:
        reduction = Reduction(own)
        return [*reduction.kept(), *reduction.loops(own.leaf.levels, 0, {})]

    loops = straight_where_inside(tile, accesses, printed)
    if not tile.wide:
        return [*tap_ranges(tile), *lanes_set(tile), *loops, *lanes_joined(tile)]
    return [*tap_ranges(tile), *fetches_set(tile), *accumulators_set(tile), *loops]


def tap_ranges(tile: BorderTile) -> list[str]:
    """Declarations of the taps that are read where they are a range known at run time."""
    lines = []
    for border in tile.ranged_borders:
        low, high = tap_range(border)
        lines.append(f"const long {border.tap}_low = {low};")
        lines.append(f"const long {border.tap}_high = {high};")
    return lines


def _kept(k: int, point: Point, vector: int) -> str:
    """C name of what an operand has at a point for the whole reduction."""
    return f"k{k}{accumulator(point, vector)}"


def _operand(k: int, vector: int | None) -> str:
    """C name of what is read of an operand: a vector, or the number that all of them share."""
    return f"e{k}" if vector is None else f"e{k}v{vector}"


@dataclass(frozen=True)
class Reduction:
    """The loops inside a microkernel."""

    tile: BorderTile

    def kept(self) -> list[str]:
        """Declarations of what takes more than a load and no loop inside moves: it is read once."""
        lines = []
        for k, address in enumerate(self.tile.reduced):
            if not self._stays(address):
                continue
            names = [t.loop for t in self.tile.point_loops if address.uses(t.loop)]
            points = {tuple(x for x in p if x[0] in names) for p in self.tile.points({})}
            for point, vector in product(sorted(points), range(self.tile.vectors.size)):
                spot = at_point(self.tile, point, vector)
                text = lane_read(self.tile, f"({pointer(address)} + x{k}_0)", address, spot)
                lines.append(f"const {self._type(address)} {_kept(k, point, vector)} = {text};")
        return lines

    def _stays(self, address: Address) -> bool:
        if isinstance(self.tile.operands.reduced, Factors):
            return False  # whose vectors are loaded where they are multiplied
        inside = any(address.uses(level.loop) for level in self.tile.leaf.levels)
        padded = any(address.uses(border.tap) for border in self.tile.operands.borders)
        return self.tile.wide and takes_more(self.tile, address) and not inside and not padded

    def _type(self, address: Address) -> str:
        return "vec" if address.uses(self.tile.leaf.vector) else self.tile.dtype.c

    def loops(
        self, levels: tuple[Level, ...], depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str]:
        """Loops of the microkernel from `levels[0]` inwards, offsets of `depth` known."""
        fixed = [b for b in self.tile.operands.borders if self._is_cut(b.tap)]
        if depth == 0 and fixed:
            return self._outer_taps(fixed, levels)
        if not levels:
            return self._step(depth, live, None)
        level, *rest = levels
        if level.loop == self.tile.leaf.vector:
            return self._lane_loops(level, tuple(rest), depth, live)
        grouped = self._grouped_border(level.loop)
        if grouped is None:
            low, high = self._range(level)
            return self._loop(level, low, high, tuple(rest), depth, live)
        border, tile = grouped
        lines: list[str] = []
        for group in tile.taps or ():
            inner = {**live, border.point: group.live}
            lines += self._loop(level, str(group.low), str(group.high), tuple(rest), depth, inner)
        return lines

    def _lane_loops(
        self, level: Level, rest: tuple[Level, ...], depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str]:
        """Lanes across the reduction: whole pieces of the vector loop, then what is left of it."""
        grain, step = self.tile.leaf.grain(level.loop), self._bounds(level)
        lines: list[str] = []
        for piece in self.tile.pieces:
            within = replace(self, tile=replace(self.tile, vectors=piece))
            left = piece.first == grain.extent // grain.points
            low, high = (step.whole, step.end) if left else ("0", step.whole)
            loop = within._plain if left else within._loop  # what is left is a step, which asks
            lines += loop(level, low, high, rest, depth, live)
        return lines

    def _is_cut(self, loop: str) -> bool:
        return any(level.loop == loop for level in self.tile.path.cut)

    def _grouped_border(self, loop: str) -> tuple[Border, TileClass] | None:
        for border in self.tile.operands.borders:
            tile = next(t for t in self.tile.tiles if t.loop == border.point)
            if border.tap == loop and tile.taps is not None:
                return border, tile
        return None

    def _outer_taps(self, fixed: list[Border], levels: tuple[Level, ...]) -> list[str]:
        """Taps fixed by an outer loop: run the code of the group that the tap is in."""
        choices: list[list[tuple[str, dict[str, tuple[int, ...]]]]] = []
        for border in fixed:
            grouped, at = self._grouped_border(border.tap), f"at_{border.tap}"
            if grouped is None:
                choices.append([(f"{at} >= {border.tap}_low && {at} < {border.tap}_high", {})])
            else:
                choices.append(
                    [
                        (f"{at} >= {g.low} && {at} < {g.high}", {border.point: g.live})
                        for g in grouped[1].taps or ()
                    ]
                )
        lines = []
        for choice in product(*choices):
            live = {loop: points for _, part in choice for loop, points in part.items()}
            lines.append(f"if ({' && '.join(condition for condition, _ in choice)}) {{")
            lines += self._offsets(1, [""] * len(self.tile.reduced))
            lines += ["  " + line for line in self.loops(levels, 1, live)] + ["}"]
        return lines

    def _range(self, level: Level) -> tuple[str, str]:
        """Bounds of a microkernel loop, counted in pieces of the level from its parent's start."""
        if any(border.tap == level.loop for border in self.tile.ranged_borders):
            return f"{level.loop}_low", f"{level.loop}_high"
        return "0", self._bounds(level).end

    def _bounds(self, level: Level) -> Step:
        grain = self.tile.leaf.grain(level.loop)
        return next(s for s in steps_of(self.tile.path, grain) if s.level == level)

    def _loop(
        self,
        level: Level,
        low: str,
        high: str,
        rest: tuple[Level, ...],
        depth: int,
        live: dict[str, tuple[int, ...]],
    ) -> list[str]:
        """A loop over a level, straight where its steps decide that all is inside."""
        accesses = {address.access for address in self.tile.reduced}
        asked = [q for q in questions_of(self.tile, accesses) if deciding(self.tile, q) == level]
        if rest or not asked:
            return self._plain(level, low, high, rest, depth, live, asked)
        straight = replace(self, tile=self.tile.without(asked))
        bounds = [f"long first = {low}, past = {high};"]
        for least, most in (steps_inside(self.tile, question, level) for question in asked):
            bounds += [f"first = max(first, {least});"] * bool(least)
            bounds += [f"past = min(past, {most});"] * bool(most)
        bounds += [f"first = min(first, {high});", "past = max(past, first);"]
        pieces = [
            *self._plain(level, low, "first", rest, depth, live),
            *straight._plain(level, "first", "past", rest, depth, live),
            *self._plain(level, "past", high, rest, depth, live),
        ]
        return ["{", *("  " + line for line in (*bounds, *pieces)), "}"]

    def _plain(
        self,
        level: Level,
        low: str,
        high: str,
        rest: tuple[Level, ...],
        depth: int,
        live: dict[str, tuple[int, ...]],
        asked: Sequence[Question] = (),
    ) -> list[str]:
        """The loop itself; each step answers what is asked for the loops inside it."""
        name = variable(level)
        head = f"for (long {name} = {low}; {name} < {high}; ++{name}) {{"
        if rest:
            moved = [f" + {name} * {step}" for step in self._steps(level)]
            levels = self.tile.leaf.levels
            inner = versions(
                self.tile,
                asked,
                levels[: levels.index(level) + 1],
                lambda own: replace(self, tile=own).loops(rest, depth + 1, live),
            )
            # what one piece has read is not held for the next one: it is spilled if it is much
            apart = ["STEP;"] if isinstance(self.tile.operands.reduced, Summand) else []
            body = [*apart, *self._offsets(depth + 1, moved), *inner]
            return [head, *("  " + line for line in body), "}"]
        if straight := self._window(level, depth, live):
            return straight
        body = self._step(depth, live, level)
        accesses = {address.access for address in self.tile.reduced}
        unroll = 1 if asks(self.tile, accesses) else self.tile.leaf.unroll
        pragma = [f"#pragma GCC unroll {unroll}"] if unroll > 1 else []
        return [*pragma, head, *("  " + line for line in body), "}"]

    def _window(
        self, level: Level, depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str] | None:
        """All steps of a loop one after another where they share what they read; else None."""
        tile, reduced = self.tile, self.tile.operands.reduced
        asking = questions_of(tile, {address.access for address in tile.reduced})
        if not isinstance(reduced, Summand) or asking or not is_whole(tile, level):
            return None
        number, steps = int(self._bounds(level).end), self._steps(level)
        shared = shared_reads(tile, reduced.reads, steps, number)
        if not shared:
            return None

        def read(k: int, address: Address, point: Point, vector: int, step: int) -> str:
            place = f"(q{k} + {step * steps[k]})" if step * steps[k] else f"q{k}"
            return self._text(k, place, address, point, vector)

        lines = self._pointers([f"{x}{depth}" for x in _prefixes(tile)])
        lines += window(tile, shared, steps, number, tile.points(live), read, self._taken)
        return ["{", *("  " + line for line in lines), "}"]

    def _steps(self, level: Level) -> list[int]:
        """Elements that each operand's offset grows by from piece to piece of a level."""
        points = level.points(self.tile.leaf.grain(level.loop))
        return [address.coefficient(level.loop, points) for address in self.tile.reduced]

    def _offsets(self, depth: int, moved: Sequence[str]) -> list[str]:
        """Declaration of the offsets of a depth, but for what has been read before the loops."""
        each = zip(_prefixes(self.tile), moved, self.tile.reduced, strict=True)
        own = [f"{x}{depth} = {x}{depth - 1}{more}" for x, more, a in each if not self._stays(a)]
        return [f"const long {', '.join(own)};"] if own else []

    def _step(self, depth: int, live: dict[str, tuple[int, ...]], level: Level | None) -> list[str]:
        """One step of the reduction, inside the loop over a level if there is any."""
        steps = self._steps(level) if level is not None else [0] * len(self.tile.reduced)
        inside = [
            f"{prefix}{depth}" + (f" + {variable(level)} * {step}" if level is not None else "")
            for prefix, step in zip(_prefixes(self.tile), steps, strict=True)
        ]
        if isinstance(self.tile.operands.reduced, Factors):
            pairs = zip(self.tile.reduced, inside, strict=True)
            vector, scalar = (f"{pointer(address)} + {place}" for address, place in pairs)
            step = variable(level) if level is not None else "0"
            ahead = fetches(self.tile, (f"v{depth}", f"s{depth}"), step)
            return multiply_add(self.tile, vector, scalar, self.tile.operands.reduced, live, ahead)
        return self._element_wise(inside, live)

    def _pointers(self, places: list[str]) -> list[str]:
        """Declarations of where the operands of a step begin; `places` are their offsets."""
        return [
            f"const {self.tile.dtype.c} *q{k} = {pointer(address)} + {place};"
            for k, (place, address) in enumerate(zip(places, self.tile.reduced, strict=True))
            if not self._stays(address)
        ]

    def _element_wise(self, places: list[str], live: dict[str, tuple[int, ...]]) -> list[str]:
        """Every live accumulator takes the summand at its point, all vectors of it together.

        So a number that they share is spread once and forgotten. Nothing keeps the compiler from
        holding what neighbouring points and taps both read.
        """
        tile, reduced = self.tile, self.tile.operands.reduced
        assert isinstance(reduced, Summand)
        lines = self._pointers(places)
        ahead = streamed(tile.leaf, reduced) if tile.leaf.prefetch else ()
        loops = {one.loop for one in tile.point_loops}
        vectors = range(tile.vectors.size)

        def taken(numbers: Sequence[int], point: Point, vector: int | None) -> list[str]:
            """Declarations of these operands; of numbers that all vectors share with None."""
            found = []
            for k in numbers:
                address, at = reduced.reads[k], vector or 0
                if address.uses(tile.leaf.vector) is (vector is not None):
                    found += self._fetched(k, address, point, at, ahead)
                    found.append(self._read(k, address, point, vector))
            return found

        own = [k for k, a in enumerate(reduced.reads) if any(a.uses(loop) for loop in loops)]
        shared = [k for k in range(len(reduced.reads)) if k not in own]
        # Lanes across a sum share no numbers: there a vector is done with before the next one.
        for group in (vectors,) if tile.wide else tuple((vector,) for vector in vectors):
            inside = taken(shared, (), None)
            for vector in group:
                inside += taken(shared, (), vector)
            for point in tile.points(live):
                each = taken(own, point, None)
                for vector in group:
                    each.append(self._joined(point, vector, taken(own, point, vector)))
                inside += each if len(each) == 1 else ["{", *("  " + line for line in each), "}"]
            lines += ["{", *("  " + line for line in inside), "}"]
        return lines

    def _joined(self, point: Point, vector: int, own: list[str]) -> str:
        """One accumulator takes the summand, of which some operands are its own."""
        tile, reduced = self.tile, self.tile.operands.reduced
        assert isinstance(reduced, Summand)
        values = {}
        for k, address in enumerate(reduced.reads):
            wide = address.uses(tile.leaf.vector)
            values[address.access] = _operand(k, vector if wide else None), wide
        taken = self._taken(point, vector, vector_value(reduced.value, values, tile.dtype))
        return f"{{ {' '.join([*own, taken])} }}"

    def _taken(self, point: Point, vector: int, value: str) -> str:
        """C statement by which an accumulator takes a value."""
        tile, reduced = self.tile, self.tile.operands.reduced
        assert isinstance(reduced, Summand)
        name = accumulator(point, vector) if tile.wide else lane_sums(point, vector)
        if not tile.wide and (lanes := tile.partial(vector)) and not adds_zero(tile):
            value = f"FILL_PART({value}, {lanes}, {neutral_vector(reduced, tile.dtype)})"
        if reduced.reduction == "add":
            return f"{name} += {value};"
        return f"{name} = vec_{reduced.reduction}({name}, {value});"

    def _fetched(
        self, k: int, address: Address, point: Point, vector: int, ahead: tuple[Address, ...]
    ) -> list[str]:
        """The prefetch of what a later step reads there."""
        if address not in ahead:
            return []
        further = self.tile.leaf.prefetch // self.tile.dtype.bytes
        return [f"__builtin_prefetch(q{k} + {self.tile.offset(address, point, vector) + further});"]

    def _read(self, k: int, address: Address, point: Point, vector: int | None) -> str:
        text = self._text(k, f"q{k}", address, point, vector or 0)
        return f"const {self._type(address)} {_operand(k, vector)} = {text};"

    def _text(self, k: int, place: str, address: Address, point: Point, vector: int) -> str:
        """C expression of an operand; `place` points to it at the tile's first point."""
        if self._stays(address):
            return _kept(k, tuple(one for one in point if address.uses(one[0])), vector)
        return lane_read(self.tile, place, address, at_point(self.tile, point, vector))
