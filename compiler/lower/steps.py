"""The bounds of printed loops, as texts that C and isl both read.

Loops around a microkernel are isl's. Those inside it, and those of the scalar nest, are written
here: min, max, floord and ceild mean the same in both languages, so coverage is proved on the very
text that is printed.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.lower.border_classes import Border
from compiler.lower.tree import Level, Path


@dataclass(frozen=True)
class Step:
    """A loop inside a microkernel, over the pieces of a level, counted from the piece around it.

    `points` are those that the piece around has, `r * step < points` for every piece r.
    """

    level: Level
    points: str

    @property
    def name(self) -> str:
        return variable(self.level)

    @property
    def end(self) -> str:
        """C expression of the number of pieces."""
        step = self.level.step
        if self.points.isdigit():
            return str(-(-int(self.points) // step))
        return f"({self.points} + {step - 1}) / {step}"


def variable(level: Level) -> str:
    return "r_" + level.name.replace("@", "_at_")


def steps_of(path: Path, loop: str, extent: int) -> tuple[Step, ...]:
    """The loops of a leaf over one loop, outermost first; `at_LOOP` is where it starts."""
    around = [level for level in path.loops if level.loop == loop]
    inside: list[Level] = []
    found = []
    for level in (level for level in path.leaf.levels if level.loop == loop):
        found.append(Step(level, _points(around, inside, loop, extent)))
        inside.append(level)
    return tuple(found)


def _points(around: list[Level], inside: list[Level], loop: str, extent: int) -> str:
    """Points in the piece around the next level, which may be cut short."""
    parents = around + inside
    if not parents:
        return str(extent)
    size = parents[-1].step
    if extent % size == 0:  # pieces always divide the pieces around them
        return str(size)
    above = f"{extent} - at_{loop}" if around else str(extent)
    if not inside:
        return f"min({size}, {above})"
    if around:
        above = f"min({around[-1].step}, {above})"
    position = " - ".join(f"{variable(level)} * {level.step}" for level in inside)
    return f"min({size}, {above} - {position})"


def in_last_piece(level: Level, extent: int) -> str:
    """Whether a microkernel, which starts at `at_LOOP`, is in the last piece of a level."""
    return f"at_{level.loop} + {level.step} >= {extent}"


def tap_range(border: Border) -> tuple[str, str]:
    """First and last + 1 of the taps that read inside for the one point at `at_POINT`."""
    at = f"(at_{border.point} * {border.point_step} + {border.constant})"
    step = border.tap_step
    return (
        f"max(0, ceild(-{at}, {step}))",
        f"min({border.taps}, floord({border.size - 1} - {at}, {step}) + 1)",
    )


@dataclass(frozen=True)
class Range:
    """A loop of the scalar nest, over points: `for (name = start; name < end; name += step)`."""

    level: Level
    start: str
    end: str

    @property
    def name(self) -> str:
        return iterator(self.level.name)


def iterator(level: str) -> str:
    """C name of a level's first point, kept apart from macros and tensors."""
    loop, _, depth = level.partition("@")
    return f"tile{depth}_{loop}" if depth else f"i_{loop}"


def ranges_of(path: Path) -> tuple[Range, ...]:
    """The loops around a scalar leaf, outermost first."""
    extents = {grain.loop: grain.extent for grain in path.leaf.grains}
    inside = {loop: ("0", str(extent)) for loop, extent in extents.items()}
    found = []
    for level in path.loops:
        found.append(Range(level, *inside[level.loop]))
        name, past = found[-1].name, f"{found[-1].name} + {level.step}"
        extent = extents[level.loop]
        short = extent % level.step  # the last piece
        inside[level.loop] = (name, f"min({past}, {extent})" if short else past)
    return tuple(found)
