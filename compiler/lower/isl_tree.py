"""What isl reads of a tree: coordinates of the pieces around a leaf, and time over them.

The same texts make the loops that are printed and the map that legality is proved on.
"""

from __future__ import annotations

from dataclasses import dataclass

import islpy as isl

from compiler.lower.tree import Grain, Level, Path
from compiler.model.isl_names import context
from compiler.problem.primitive import Primitive


@dataclass(frozen=True)
class Space:
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

    def count(self, loop: str) -> int:
        return self.grain(loop).pieces(self.finest(loop))

    def grain(self, loop: str) -> Grain:
        return next(grain for grain in self.path.leaf.grains if grain.loop == loop)

    def time(self, level: Level) -> str:
        """isl expression of one dimension of time, over the coordinates."""
        group = -(-level.step // self.step(level.loop))
        return f"q_{level.loop}" if group == 1 else f"floor(q_{level.loop}/{group})"


def schedule_map(nest: Primitive, path: Path) -> isl.Map:
    """From a leaf's iterations to all levels, those around it as they are printed.

    { S0[x0, x1] -> [t0, t1, t2] : exists q_k : q_k = floor(x1/4) and t0 = q_k and ... }
    """
    space = Space(path)
    loops = nest.statements[path.leaf.statement].loops
    x = {loop: f"x{i}" for i, loop in enumerate(loops)}
    where = [_within(x[loop], space, loop) for loop in space.loops]
    times = [space.time(level) for level in path.loops]
    times += [f"floor({x[level.loop]}/{level.step})" for level in path.leaf.levels]
    times += [x[level.loop] for level in path.leaf.points]
    where += [f"t{k} = {time}" for k, time in enumerate(times)]
    exists = f"exists {', '.join(f'q_{loop}' for loop in space.loops)} : " if space.loops else ""
    names = ", ".join(f"t{k}" for k in range(len(times)))
    text = f"S{path.leaf.statement}[{', '.join(x.values())}] -> [{names}]"
    condition = " and ".join(where) or "0 = 0"
    return isl.Map.read_from_str(context(), f"{{ {text} : {exists}{condition} }}")


def _within(x: str, space: Space, loop: str) -> str:
    """isl condition that ties a coordinate to the iterations in its piece."""
    grain, step = space.grain(loop), space.step(loop)
    first = start = 0
    alternatives = []
    for count, size in grain.runs:
        points = size * grain.lanes
        end = start + count * points
        piece = f"{first} + floor(({x} - {start})/{points})"
        alternatives.append(f"({start} <= {x} < {end} and q_{loop} = floor(({piece})/{step}))")
        first, start = first + count, end
    return f"({' or '.join(alternatives)})"
