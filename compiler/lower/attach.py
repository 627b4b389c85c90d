"""Which points of its loops an attached statement runs over: those of what is read there.

    S0: mid[c,h] += data[i,h] * weight[i,c]
    S1: out[c,oh] += mid[c,oh + kh] * taps[c,kh]     order:oh+c+kh/fusion:S0.oh

    for oh: pieces of 4 rows, number p0
      S0 over all c and h from 4*p0 to 4*p0 + 5

needed = inverse(writes) . reads . inverse(piece)

Indices are affine and loops independent, so the needed elements of a dimension are an interval; its
hull over several readers is taken. isl proves both that it suffices and how often a point runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import gcd, prod

from compiler.errors import ScheduleError
from compiler.lower.region import Kept, Region
from compiler.lower.tree import (
    Around,
    Grain,
    Level,
    Path,
    Tree,
    common,
    shared_levels,
    surrounding,
)
from compiler.problem.primitive import Access, Affine, Primitive

Names = Mapping[str, str]  # loops of a fused statement, those of the leaf
MOST_LISTED = 10_000  # pieces whose sizes are looked at one by one


@dataclass(frozen=True)
class Window:
    """`size` consecutive points from `start` on, which is over the numbers of pieces."""

    start: Affine
    size: int


@dataclass
class Needed:
    """The leaves placed so far, readers first, and what a piece of the levels needs of others."""

    nest: Primitive
    paths: dict[int, Path] = field(default_factory=dict)  # by the statement of the leaf

    def regions(
        self,
        number: int,
        fused: Mapping[int, Names],
        around: tuple[Around, ...],
        kept: int | None = None,
    ) -> tuple[Region, ...]:
        """The loops of a statement of which it runs over a part; ScheduleError if nobody reads it.

        The statement is attached to the last of the levels, with what is `fused` into it. Where its
        buffer is inside the first `kept` levels alone, a piece finds there what the one before it
        needed too.
        """
        known = Symbols(around)
        needed = self._needed(number, fused, around)
        again = {} if kept is None else self._kept(number, needed, around, kept)
        found = []
        for loop, window in needed.items():
            extent = self.nest.extent(loop)
            low, high = window.start.bounds(known.last)
            if window.start.terms or low > 0 or high + window.size < extent:
                found.append(known.region(number, loop, window, extent, again.get(loop)))
                if not found[-1].size:
                    where = f"{self.nest.name}: schedule: fusion:S{number}"
                    raise ScheduleError(f"{where}: no piece reads what any {loop} of it writes")
        return tuple(found)

    def _kept(
        self, number: int, needed: Mapping[str, Window], around: tuple[Around, ...], depth: int
    ) -> dict[str, Kept]:
        """The loop of which neighbouring pieces need the same points; ScheduleError unless one.

        One level alone moves it, and nothing else: the buffer holds one piece of it.
        """
        where = f"{self.nest.name}: schedule: keep:S{number}"
        steps: dict[tuple[str, str], int] = {}  # by level and loop, how far it moves
        for piece in (one.piece for one in around[depth:]):
            moves = moved(piece, around)
            for loop, window in needed.items():
                if step := sum(c * moves.get(x, 0) for x, c in window.start.terms):
                    steps[piece, loop] = step
        again = [at for at, step in steps.items() if abs(step) < needed[at[1]].size]
        if not again:
            raise ScheduleError(f"{where}: no piece needs what the one before it has computed")
        piece, loop = again[0]
        beside = [at for at in steps if (at[0] == piece) != (at[1] == loop)]
        step, window = steps[again[0]], needed[loop]
        if len(again) > 1 or beside or step < 0 or not _clear(window.start, piece, around):
            raise ScheduleError(f"{where}: pieces overlap otherwise than each with the last one")
        return {loop: Kept(numbered(piece, around, depth), window.size - step, step, depth)}

    def window(self, path: Path, loop: str, around: tuple[Around, ...]) -> Window:
        """The points of a loop of a leaf in one piece of some levels, of which it shares a part."""
        grain = path.leaf.grain(loop)
        region = grain.region
        start = Affine(((region.first, 1),)) if region is not None else Affine()
        every = surrounding(path.loops, path.leaf, path.around)
        shared = common(every, around)
        own = [one for one in shared[len(path.around) :] if one.level.loop == loop]
        if own:
            points = _uniform(self.nest, path, grain, own[-1].level)
            return Window(_sum(start, Affine(((own[-1].piece, points),))), points)
        if region is None:
            return Window(start, grain.extent)
        if len(shared) < len(path.around):
            return self._needed(path.leaf.statement, path.leaf.names, shared)[loop]
        return Window(region.start, region.reach)

    def _needed(
        self, number: int, fused: Mapping[int, Names], around: tuple[Around, ...]
    ) -> dict[str, Window]:
        """By loop of a statement, the hull of what readers need of its target and the fused ones'.

        A loop that the targets do not tell runs whole.
        """
        whole = {
            x: Window(Affine(), self.nest.extent(x)) for x in self.nest.statements[number].loops
        }
        found: dict[str, list[Window]] = {}
        read = False
        for writer, names in {number: {}, **fused}.items():
            target = self.nest.statements[writer].target
            elements = [
                [self.elements(path, index, own, around) for index in access.indices]
                for path, access, own in self._reads(target.tensor, writer)
                if path.leaf.statement != number  # its own points, whichever they are
            ]
            read |= bool(elements)
            for loop, windows in _told(target, elements).items():
                found.setdefault(names.get(loop, loop), []).extend(windows)
        if not read:
            target = self.nest.statements[number].target
            raise ScheduleError(
                f"{self.nest.name}: schedule: fusion:S{number}: nothing at that level reads "
                f"{target.tensor}"
            )
        return whole | {x: hull(own, whole[x].size) for x, own in found.items()}

    def _reads(self, tensor: str, writer: int) -> Iterator[tuple[Path, Access, Names]]:
        """Accesses that see what a statement writes, with the names of their loops in the leaf."""
        for path in self.paths.values():
            for number, names in path.leaf.names.items():
                statement = self.nest.statements[number]
                seen = (*statement.reads, *((statement.target,) if statement.reduction else ()))
                for access in dict.fromkeys(seen):
                    if access.tensor == tensor and number > writer:
                        yield path, access, names

    def elements(
        self, path: Path, index: Affine, names: Names, around: tuple[Around, ...]
    ) -> Window:
        """Indices of a dimension that an access names in one piece of the levels."""
        start, size = Affine((), index.constant), 1
        for loop, c in index.terms:
            window = self.window(path, names.get(loop, loop), around)
            first = window.start if c > 0 else _sum(window.start, Affine((), window.size - 1))
            start = _sum(start, _times(first, c))
            size += abs(c) * (window.size - 1)
        return Window(start, size)


def in_step(tree: Tree, first: Path, second: Path) -> bool:
    """Whether what two leaves share of a tensor, they touch in equal pieces of equal levels.

    Then no order of the levels breaks a dependence between them, if they follow the program. A
    stage is of one piece.
    """
    around = shared_levels(first, second)
    if len(around) < max(len(first.around), len(second.around)):
        return False
    nest = tree.nest
    needed = Needed(nest, {path.leaf.statement: path for path in (first, second)})
    finest = {(one.statement, one.level.loop): one for one in around}
    runs, others = (path.leaf.names.items() for path in (first, second))
    for (one, names), (other, theirs) in product(runs, others):
        for access, again in product(_touched(nest, one), _touched(nest, other)):
            written = {nest.statements[number].target.tensor for number in (one, other)}
            if access.tensor != again.tensor or access.tensor not in written:
                continue
            if one > other:
                return False
            if tree.staged(access.tensor) == len(around):
                continue
            cut = {
                _cut(needed.elements(first, index, names, around))
                & _cut(needed.elements(second, also, theirs, around))
                for index, also in zip(access.indices, again.indices, strict=True)
            }
            pieces = {piece for found in cut for piece, *_ in found}
            if not pieces.issuperset(one.piece for one in finest.values()):
                return False
    return True


def _cut(window: Window) -> frozenset[tuple[str, int, int]]:
    """The level whose pieces cut a dimension side by side, with their size and first element."""
    terms, constant = window.start.terms, window.start.constant
    if len(terms) == 1 and terms[0] == (terms[0][0], window.size):
        return frozenset({(terms[0][0], window.size, constant)})
    return frozenset()


def _touched(nest: Primitive, number: int) -> tuple[Access, ...]:
    return tuple(dict.fromkeys(nest.statements[number].accesses))


@dataclass
class Symbols:
    """What the start of a region may be over: bounds of it, and what divides it."""

    around: tuple[Around, ...]

    def __post_init__(self) -> None:
        self.last: dict[str, int] = {}
        self.divides: dict[str, int] = {}
        for one in self.around:
            self.last[one.piece] = one.grain.pieces(one.level)
            self.divides[one.piece] = 1
            if (region := one.grain.region) is not None:
                self.last[region.first] = region.extent
                self.divides[region.first] = region.aligned

    def region(
        self, number: int, loop: str, window: Window, extent: int, kept: Kept | None
    ) -> Region:
        aligned = self.aligned(window.start) or extent
        if kept is not None:
            aligned = gcd(aligned, kept.points)
        whole = Region(number, loop, window.start, window.size, extent, aligned, (), kept)
        return replace(whole, sizes=self._sizes(whole))

    def aligned(self, start: Affine) -> int:
        """A number that divides it and what is left of it above 0; 0 when it is 0."""
        return gcd(start.constant, *(c * self.divides[x] for x, c in start.terms))

    def _sizes(self, region: Region) -> tuple[int, ...]:
        """Points that pieces may have, none too; all up to the most where they are many to list."""
        low, high = region.start.bounds(self.last)
        if low >= 0 and high + region.reach <= region.extent and region.kept is None:
            return (region.reach,)
        names = region.start.loops
        if region.kept is not None:
            names = tuple(dict.fromkeys((*names, *region.kept.number.loops)))
        listed = prod(self.last[x] for x in names) <= MOST_LISTED
        if not listed or not {one.piece for one in self.around}.issuperset(names):
            return tuple(range(min(region.reach, region.extent), -1, -1))
        every = product(*(range(self.last[x]) for x in names))
        sizes = {region.count(dict(zip(names, values, strict=True))) for values in every}
        return tuple(sorted(sizes, reverse=True))


def moved(piece: str, around: tuple[Around, ...]) -> dict[str, int]:
    """How far the numbers of pieces and first points of regions move in one step of a level.

    Only the finest level of a loop moves what is inside.
    """
    found = {piece: 1}
    for one in around:
        if (region := one.grain.region) is not None:
            found[region.first] = sum(c * found.get(x, 0) for x, c in region.start.terms)
    return found


def numbered(piece: str, around: tuple[Around, ...], depth: int) -> Affine:
    """The number of a level's piece among those inside the first `depth` levels."""
    own = next(one for one in around if one.piece == piece)
    outer = [
        one
        for one in around[:depth]
        if (one.statement, one.level.loop) == (own.statement, own.level.loop)
    ]
    if not outer:
        return Affine(((piece, 1),))
    ratio = outer[-1].level.step // own.level.step
    return Affine(tuple(sorted(((piece, 1), (outer[-1].piece, -ratio)))))


def _clear(start: Affine, piece: str, around: tuple[Around, ...]) -> bool:
    """Whether what moves with a level moves by as much each time: no region is cut at its start."""
    for one in around:
        region = one.grain.region
        if region is not None and region.first in start.loops:
            clipped = region.kept is not None or region.start.bounds(Symbols(around).last)[0] < 0
            if clipped and moved(piece, around)[region.first]:
                return False
    return True


def _uniform(nest: Primitive, path: Path, grain: Grain, level: Level) -> int:
    """Points in a piece of a level, which all pieces but the last one have."""
    number, _ = grain.runs[0]
    if grain.count - number // level.step * level.step > level.step:
        raise ScheduleError(
            f"{nest.name}: schedule: fusion: pieces of {level.name} of S{path.leaf.statement} have "
            f"{grain.runs[0][1]} or {grain.runs[-1][1]} points a tile; take a tile that divides "
            f"{grain.extent}"
        )
    return level.points(grain)


def _told(target: Access, elements: list[list[Window]]) -> dict[str, list[Window]]:
    """Windows of the loops that stand alone in an index, of those of its elements."""
    named = [x for index in target.indices for x in index.loops]
    found = {}
    for place, index in enumerate(target.indices):
        if len(index.terms) == 1 == index.terms[0][1] and named.count(index.loops[0]) == 1:
            back = Affine((), -index.constant)
            found[index.loops[0]] = [
                Window(_sum(read[place].start, back), read[place].size) for read in elements
            ]
    return found


def hull(windows: list[Window], size: int) -> Window:
    """The least window around some; all of a dimension where they move differently."""
    starts = {window.start.terms for window in windows}
    if len(starts) > 1:
        return Window(Affine(), size)
    first = min(window.start.constant for window in windows)
    end = max(window.start.constant + window.size for window in windows)
    return Window(Affine(starts.pop(), first), end - first)


def _sum(one: Affine, other: Affine) -> Affine:
    terms = dict(one.terms)
    for name, c in other.terms:
        terms[name] = terms.get(name, 0) + c
    kept = tuple(sorted((name, c) for name, c in terms.items() if c))
    return Affine(kept, one.constant + other.constant)


def _times(one: Affine, factor: int) -> Affine:
    return Affine(tuple((name, factor * c) for name, c in one.terms), factor * one.constant)
