"""The bounds of printed loops, as texts that C and isl both read.

Loops around a microkernel are isl's. Those inside it, and those of the scalar nest, are written
here: min, max, floord and ceild mean the same in both languages, so coverage is proved on the very
text that is printed.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.lower.border_classes import Border
from compiler.lower.region import Region
from compiler.lower.tree import Grain, Level, Path, Scalar
from compiler.model.loop_nest import Guard
from compiler.problem.primitive import Affine

SHARED = 10_000  # iterations that outweigh waking threads for them alone (some microseconds)
SHORT = 8  # a loop of fewer iterations is not worth vectors


@dataclass(frozen=True)
class Step:
    """A loop inside a microkernel, over the pieces of a level, counted from the piece around it.

    `points` are those that the piece around has, `r * size < points` for every piece r.
    """

    level: Level
    size: int  # points of a whole piece
    points: str

    @property
    def name(self) -> str:
        return variable(self.level)

    @property
    def end(self) -> str:
        """C expression of the number of pieces."""
        if self.points.isdigit():
            return str(-(-int(self.points) // self.size))
        return f"({self.points} + {self.size - 1}) / {self.size}"

    @property
    def whole(self) -> str:
        """C expression of the number of pieces that are not cut short."""
        if self.points.isdigit():
            return str(int(self.points) // self.size)
        return f"({self.points}) / {self.size}"


def variable(level: Level) -> str:
    return "r_" + level.name.replace("@", "_at_")


def steps_of(path: Path, grain: Grain) -> tuple[Step, ...]:
    """The loops of a leaf over one loop, outermost first; `at_LOOP` is where it starts."""
    around = [level for level in path.loops if level.loop == grain.loop]
    inside: list[Level] = []
    found = []
    for level in (level for level in path.leaf.levels if level.loop == grain.loop):
        found.append(Step(level, level.points(grain), _points(around, inside, grain)))
        inside.append(level)
    return tuple(found)


def _points(around: list[Level], inside: list[Level], grain: Grain) -> str:
    """Points in the piece around the next level, which may be cut short."""
    parents, extent = around + inside, grain.extent
    if not parents:
        return str(extent)
    size = parents[-1].points(grain)
    if extent % size == 0:  # pieces always divide the pieces around them
        return str(size)
    above = f"{extent} - at_{grain.loop}" if around else str(extent)
    if not inside:
        return f"min({size}, {above})"
    if around:
        above = f"min({around[-1].points(grain)}, {above})"
    position = " - ".join(f"{variable(level)} * {level.points(grain)}" for level in inside)
    return f"min({size}, {above} - {position})"


def lengths_of(path: Path, level: Level) -> tuple[int, ...]:
    """Points in whole pieces around a leaf's level, then those in the last one if it is shorter."""
    grain = path.leaf.grain(level.loop)
    own = [one for one in path.levels if one.loop == level.loop]
    around = own[: own.index(level)]
    whole = min(grain.extent, around[-1].points(grain)) if around else grain.extent
    return (whole, left) if (left := grain.extent % whole) else (whole,)


def in_last_piece(level: Level, grain: Grain) -> str:
    """Whether a microkernel, which starts at `at_LOOP`, is in the last piece of a level."""
    return f"at_{level.loop} + {level.points(grain)} >= {grain.extent}"


def goes_on(path: Path, accumulate: bool) -> str:
    """Condition that the accumulators of a cut reduction begin with what their copy holds.

    An earlier piece has left its sums there. With `accumulate` the target, which is the first copy,
    held something before; the others hold nothing then. Empty: never, or always with `accumulate`
    and no copies.
    """
    pieces = {level.loop: level for level in path.private}
    found = []
    for level in path.cut:
        around = pieces.get(level.loop)
        if around is None:
            found.append(f"at_{level.loop} != 0")
        elif around != level:
            found.append(f"at_{level.loop} % {around.points(path.leaf.grain(level.loop))} != 0")
    if accumulate and path.private:
        first = (f"at_{x.loop} < {x.points(path.leaf.grain(x.loop))}" for x in path.private)
        found.append(" && ".join(first))
    return " || ".join(found)


def tap_range(border: Border) -> tuple[str, str]:
    """First and last + 1 of the taps that read inside for the one point at `at_POINT`."""
    at = f"(at_{border.point} * {border.point_step} + {border.constant})"
    step = border.tap_step
    return (
        f"max(0, ceild(-{at}, {step}))",
        f"min({border.taps}, floord({border.size - 1} - {at}, {step}) + 1)",
    )


def region_bounds(region: Region) -> tuple[tuple[str, str], ...]:
    """The variables of a region with their values: where it starts, and its points if they vary."""
    start, past = str(region.start), f"min({region.start} + {region.reach}, {region.extent})"
    if region.kept is not None:
        start += f" + {region.kept.points} * min(1, {region.kept.number})"
    first = (region.first, start if region.sizes == (region.reach,) else f"max(0, {start})")
    if region.fixed:
        return (first,)
    return (first, (region.points, f"{past} - {region.first}"))


@dataclass(frozen=True)
class Range:
    """A loop of the scalar nest, over points: `for (name = first; name < past; name += step)`.

    `start` and `end` are those of the piece around it, `first` and `past` leave out what the clips
    of the leaf do. Only the finest level of a loop is clipped.
    """

    level: Level
    start: str
    end: str
    first: str
    past: str

    @property
    def name(self) -> str:
        return iterator(self.level.name)


def iterator(level: str) -> str:
    """C name of a level's first point, kept apart from macros and tensors."""
    loop, _, depth = level.partition("@")
    return f"tile{depth}_{loop}" if depth else f"i_{loop}"


def ranges_of(path: Path) -> tuple[Range, ...]:
    """The loops around a scalar leaf, outermost first.

    A clip bounds the innermost of its loops: 0 <= 2*oh + kh - 1 < 7 with kh inside oh becomes
    for (i_kh = max(0, -2*i_oh + 1); i_kh < min(3, -2*i_oh + 8); ++i_kh)
    """
    extents = {grain.loop: grain.extent for grain in path.leaf.grains}
    inside = {loop: ("0", str(extent)) for loop, extent in extents.items()}
    for region in path.regions:
        extents[region.loop] = region.extent
        inside[region.loop] = (region.first, f"{region.first} + {region.points}")
    places = {level.name: place for place, level in enumerate(path.loops)}
    clips = path.leaf.clips if isinstance(path.leaf, Scalar) else ()
    clipped = [(max(clip.index.loops, key=places.__getitem__), clip) for clip in clips]
    found = []
    for level in path.loops:
        first, past = start, end = inside[level.loop]
        for clip in (clip for loop, clip in clipped if loop == level.name):
            least, most = _least_and_past(clip, level.loop, extents)
            first = f"max({first}, {least})" if least else first
            past = f"min({past}, {most})" if most else past
        found.append(Range(level, start, end, first, past))
        name, beyond = found[-1].name, f"{found[-1].name} + {level.step}"
        short = _short(path, level)
        inside[level.loop] = (name, f"min({beyond}, {end})" if short else beyond)
    return tuple(found)


def _short(path: Path, level: Level) -> bool:
    """Whether the last piece of a level may hold fewer points than the others."""
    grain = path.leaf.grain(level.loop)
    sizes = (grain.extent,) if grain.region is None else grain.region.sizes
    return any(size % level.step for size in sizes)


def _least_and_past(clip: Guard, loop: str, extents: dict[str, int]) -> tuple[str, str]:
    """First and last + 1 of a loop's iterations inside a clip; empty where all are.

    With c > 0, 0 <= c*x + rest < size is -rest <= c*x <= size - 1 - rest.
    """
    c = clip.index.coefficient(loop)
    low, high = clip.index.bounds(extents)
    if c > 0:
        leaves = low < 0, high >= clip.size
        least, most = _affine(clip, loop, -1, 0), _affine(clip, loop, -1, clip.size - 1)
    else:
        leaves = high >= clip.size, low < 0
        least, most = _affine(clip, loop, 1, 1 - clip.size), _affine(clip, loop, 1, 0)
    if abs(c) == 1:
        past = Affine(most.terms, most.constant + 1)
        return str(least) if leaves[0] else "", str(past) if leaves[1] else ""
    return (
        f"ceild({least}, {abs(c)})" if leaves[0] else "",
        f"floord({most}, {abs(c)}) + 1" if leaves[1] else "",
    )


def _affine(clip: Guard, loop: str, sign: int, constant: int) -> Affine:
    """`sign` times the clip's index without a loop, plus a constant, over iterators."""
    terms = tuple((iterator(x), sign * c) for x, c in clip.index.terms if x != loop)
    return Affine(terms, sign * clip.index.constant + constant)
