"""What isl reads of a tree: coordinates of the pieces around a leaf, and time over them.

The same texts make the loops that are printed, the map that legality is proved on, and the sets
that coverage is counted over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import islpy as isl

from compiler.lower.crops import Crop
from compiler.lower.region import Region
from compiler.lower.steps import Range, ranges_of, region_bounds, steps_of, variable
from compiler.lower.tree import Fused, Grain, Level, Path, Scalar
from compiler.model.isl_names import context
from compiler.problem.primitive import Affine, Primitive


@dataclass(frozen=True)
class TileSpace:
    """The pieces of the loops around a leaf.

    A coordinate `q_LOOP` per loop counts the pieces of its finest level there: register tiles of an
    output loop, `step(loop)` points of a reduction loop.
    """

    path: Path

    @property
    def loops(self) -> tuple[str, ...]:
        """Loops with a level around the leaf, in the order of their first level."""
        return tuple(dict.fromkeys(level.loop for level in self.path.loops))

    def finest(self, loop: str) -> Level:
        return [level for level in self.path.loops if level.loop == loop][-1]

    def step(self, loop: str) -> int:
        """Grains in one piece of the loop's finest level."""
        return self.finest(loop).step

    def points(self, loop: str) -> int:
        """Points in one piece of the loop's finest level."""
        return self.finest(loop).points(self.grain(loop))

    def count(self, loop: str) -> int:
        return self.grain(loop).pieces(self.finest(loop))

    def grain(self, loop: str) -> Grain:
        return self.path.leaf.grain(loop)

    def range(self, loop: str) -> str:
        """isl condition on the coordinate of a loop."""
        grain, finest = self.grain(loop), self.finest(loop)
        counted = f"0 <= q_{loop} < {self.count(loop)}"
        if grain.region is None or grain.region.fixed:
            return counted
        return f"{counted} and q_{loop} * {finest.points(grain)} < {grain.region.points}"

    def inside(self, crops: Sequence[Crop]) -> list[str]:
        """isl conditions on the coordinates: that a tile is left by crops that cut it nowhere."""
        found = []
        for crop in (crop for crop in crops if crop.border is None):
            terms = tuple((f"q_{loop}", c) for loop, c in crop.index.terms)
            found.append(f"0 <= {Affine(terms, crop.index.constant)} < {crop.size}")
        return found

    def piece(self, place: int) -> str:
        """The variable that holds the number of the piece of its level at a place."""
        return f"p{len(self.path.around) + place}"

    def time(self, level: Level) -> str:
        """isl expression of one dimension of time, over the coordinates."""
        group = -(-level.step // self.step(level.loop))
        return f"q_{level.loop}" if group == 1 else f"floor(q_{level.loop}/{group})"


@dataclass(frozen=True)
class Printed:
    """The printed variables that say where an iteration of one loop runs, and how they do."""

    variables: tuple[str, ...]
    where: str  # isl condition, the iteration being `x`


def printed(path: Path, grain: Grain, x: str) -> Printed:
    """How the printed loops reach iteration `x` of a loop.

    Of an output loop in a microkernel only the grain is told, not its border class.
    """
    loop = grain.loop
    if isinstance(path.leaf, Scalar):
        ranges = [r for r in ranges_of(path) if r.level.loop == loop]
        where = [f"{r.start} <= {r.name} < {r.end}" for r in ranges]
        where += [f"({r.name} - {r.start}) mod {r.level.step} = 0" for r in ranges]
        names = tuple(r.name for r in ranges)
        return Printed(names, " and ".join([*where, f"{x} = {names[-1]}"]))
    if not grain.summed:
        region = grain.region
        if region is None:
            return Printed((f"q_{loop}",), _within(grain, x))
        place = f"({x} - {region.first})"
        return Printed((f"q_{loop}",), f"{_within(grain, place)} and {place} < {region.points}")
    variables, terms, where = [], [], []
    space = TileSpace(path)
    if loop in space.loops:
        variables += [f"q_{loop}", f"at_{loop}"]
        terms.append(f"at_{loop}")
        where.append(f"0 <= q_{loop} < {space.count(loop)}")
        where.append(f"at_{loop} = q_{loop} * {space.points(loop)}")
    for step in steps_of(path, grain):
        variables.append(step.name)
        terms.append(f"{step.name} * {step.size}")
        where.append(f"0 <= {step.name} and {terms[-1]} < {step.points}")
    if grain.points > 1:  # the last level goes by vectors: whole pieces, then what is left
        point, rest = f"i_{loop}", grain.extent % step.size
        past = f"({step.name} + 1) * {step.size}"
        whole = f"{past} <= {step.points} and 0 <= {point} < {step.size}"
        where.append(f"({whole} or {step.points} < {past} and 0 <= {point} < {rest})")
        variables.append(point)
        terms.append(point)
    return Printed(tuple(variables), " and ".join([*where, f"{x} = {' + '.join(terms)}"]))


def surroundings(path: Path) -> Printed:
    """The pieces of other statements' levels around a leaf, and where they put its regions."""
    variables, where = [], []
    finest = {(one.statement, one.level.loop): one for one in path.around}
    regions: dict[Region, None] = {}
    for one in path.around:
        if (region := one.grain.region) is not None:
            regions[region] = None
        variables.append(one.piece)
        inner = finest[one.statement, one.level.loop]
        if one is inner:
            held = f"{one.piece} * {one.level.points(one.grain)}"
            varies = region is not None and not region.fixed
            past = f"{held} < {region.points}" if region is not None and varies else ""
            where.append(past or f"{one.piece} < {one.grain.pieces(one.level)}")
            where.append(f"0 <= {one.piece}")
        else:
            where.append(f"{one.piece} = floor({inner.piece}/{one.level.step // inner.level.step})")
    for region in (*regions, *path.regions):
        for name, value in region_bounds(region):
            variables.append(name)
            where.append(f"{name} = {value}")
    return Printed(tuple(variables), " and ".join(where))


def pieces_map(nest: Primitive, path: Path, fused: Fused | None) -> isl.Map:
    """From iterations of an attached statement to the pieces around in which they run.

    { S0[x0] -> [p0] : exists from0_i : 0 <= p0 < 3 and from0_i = 4 * p0 and ... }
    """
    number = path.leaf.statement if fused is None else fused.statement
    x = {loop: f"x{i}" for i, loop in enumerate(nest.statements[number].loops)}
    at = x if fused is None else {own: x[loop] for loop, own in fused.loops}
    outside = surroundings(path)
    where = [outside.where]
    for grain in path.leaf.grains:
        if (region := grain.region) is not None and grain.loop in at:
            place = f"{at[grain.loop]} - {region.first}"
            where.append(f"0 <= {place} < {region.points}")
    pieces = [one.piece for one in path.around]
    inner = [name for name in outside.variables if name not in pieces]
    exists = f"exists {', '.join(inner)} : " if inner else ""
    text = f"S{number}[{', '.join(x.values())}] -> [{', '.join(pieces)}]"
    return isl.Map.read_from_str(context(), f"{{ {text} : {exists}{' and '.join(where)} }}")


def times_map(nest: Primitive, path: Path, fused: Fused | None) -> isl.Map:
    """From iterations of a statement to all levels around it, and what follows inside its leaf."""
    if isinstance(path.leaf, Scalar):
        return schedule_map(nest, path)
    return tile_map(nest, path, fused)


def schedule_map(nest: Primitive, path: Path) -> isl.Map:
    """From a leaf's iterations to all levels as they are printed.

    { S0[x0, x1] -> [t0, t1, t2] : exists q_k, at_k, r_k : at_k = q_k * 4 and t0 = q_k and ... }
    """
    x = {loop: f"x{i}" for i, loop in enumerate(nest.statements[path.leaf.statement].loops)}
    found = [surroundings(path)]
    found += [printed(path, grain, x[grain.loop]) for grain in path.leaf.grains]
    times = times_of(path) + [x[level.loop] for level in path.leaf.points]
    where = [p.where for p in found if p.where] + [f"t{k} = {t}" for k, t in enumerate(times)]
    variables = ", ".join(name for p in found for name in p.variables)
    names = ", ".join(f"t{k}" for k in range(len(times)))
    text = f"S{path.leaf.statement}[{', '.join(x.values())}] -> [{names}]"
    exists = f"exists {variables} : " if variables else ""
    return isl.Map.read_from_str(context(), f"{{ {text} : {exists}{' and '.join(where)} }}")


def tile_map(nest: Primitive, path: Path, fused: Fused | None) -> isl.Map:
    """From iterations of a statement on a register tile to the levels around, then to its points.

    None is the microkernel's own statement. A fused one runs in the last piece of the reduction
    levels that it waits for, else in every piece.

    { S1[x0] -> [t0, t1, p0] : exists q_m, q_k : q_m = floor(x0/6) and q_k = 3 and ... and p0 = x0 }
    """
    space, leaf = TileSpace(path), path.leaf
    number = leaf.statement if fused is None else fused.statement
    x = {loop: f"x{i}" for i, loop in enumerate(nest.statements[number].loops)}
    at = dict(x) if fused is None else {own: x[loop] for loop, own in fused.loops}
    outside = surroundings(path)
    where = [outside.where] if outside.where else []
    variables = [*outside.variables]
    for grain in leaf.grains:
        if grain.loop in at:
            found = printed(path, grain, at[grain.loop])
            where.append(found.where)
            variables += found.variables
        elif grain.loop in space.loops and fused is not None:
            last = space.count(grain.loop) - 1
            waits = any(level.loop == grain.loop for level in fused.last)
            variables.append(f"q_{grain.loop}")
            where.append(f"{last if waits else 0} <= q_{grain.loop} <= {last}")
    times = [one.piece for one in path.around] + [space.time(level) for level in path.loops]
    times += [at[grain.loop] for grain in leaf.grains if not grain.summed]
    where += [f"t{k} = {time}" for k, time in enumerate(times)]
    names = ", ".join(f"t{k}" for k in range(len(times)))
    exists = f"exists {', '.join(variables)} : " if variables else ""
    text = f"S{number}[{', '.join(x.values())}] -> [{names}]"
    return isl.Map.read_from_str(context(), f"{{ {text} : {exists}{' and '.join(where)} }}")


def times_of(path: Path) -> list[str]:
    """The printed variables that each level advances, outermost first."""
    outside = [one.piece for one in path.around]
    if isinstance(path.leaf, Scalar):
        return outside + [_piece(path, r) for r in ranges_of(path)]
    space = TileSpace(path)
    inside = [variable(level) for level in path.leaf.levels]
    return outside + [space.time(level) for level in path.loops] + inside


def _piece(path: Path, r: Range) -> str:
    """The number of a scalar level's piece, as those of the levels around a microkernel count."""
    grain = path.leaf.grain(r.level.loop)
    place = r.name if grain.region is None else f"({r.name} - {grain.region.first})"
    return place if r.level.step == 1 else f"floor({place}/{r.level.step})"


def _within(grain: Grain, x: str) -> str:
    """isl condition that ties the coordinate of an output loop to the iterations in its grain."""
    first = start = 0
    alternatives = []
    for count, size in grain.runs:
        points = size * grain.lanes
        end = min(start + count * points, grain.extent)
        piece = f"{first} + floor(({x} - {start})/{points})"
        alternatives.append(f"({start} <= {x} < {end} and q_{grain.loop} = {piece})")
        first, start = first + count, start + count * points
    return f"({' or '.join(alternatives)})"
