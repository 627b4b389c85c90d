"""The innermost tile as one C function: accumulators in registers, reduction loops around FMAs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, TileClass
from compiler.lower.isl_tree import Space
from compiler.lower.operands import Operands
from compiler.lower.steps import Step, steps_of, tap_range, variable
from compiler.lower.tree import Level, Microkernel, Path

Point = tuple[tuple[str, int], ...]  # offset in the register tile, by loop


@dataclass(frozen=True)
class TileFunction:
    """One border class: which points, vectors and taps, and where its reduction starts."""

    name: str
    path: Path
    leaf: Microkernel  # which ends the path
    operands: Operands
    tiles: tuple[TileClass, ...]  # one per loop of the output

    @property
    def outer_reduction(self) -> tuple[Level, ...]:
        """Finest level around the microkernel of each reduction loop that has one."""
        space, reduction = Space(self.path), self.operands.roles.statement.reduction_loops
        return tuple(space.finest(loop) for loop in space.loops if loop in reduction)

    @property
    def starts(self) -> tuple[str, ...]:
        """Loops whose position the function takes, in the order of its parameters."""
        return (*(t.loop for t in self.tiles), *(level.loop for level in self.outer_reduction))

    @property
    def vectors(self) -> TileClass:
        return next(t for t in self.tiles if t.loop == self.leaf.vector)

    def points(self, live: Mapping[str, tuple[int, ...]]) -> list[Point]:
        """Points of the tile that are live, the vector loop apart."""
        loops = [t for t in self.tiles if t.size > 1 and t is not self.vectors]
        ranges = [[(t.loop, i) for i in live.get(t.loop, range(t.size))] for t in loops]
        return list(product(*ranges))

    def text(self) -> str:
        """The C function."""
        ops = self.operands
        parameters = [f"const float *restrict {_pointer(p)}" for p in (ops.vector, ops.broadcast)]
        parameters += [f"float *restrict {_pointer(ops.output)}"]
        parameters += [f"long at_{loop}" for loop in self.starts]
        lines = [f"static void {self.name}({', '.join(parameters)})", "{"]
        body = [*self._prologue(), *self._reduction(self.leaf.levels, 0, {}), *self._stores()]
        return "\n".join([*lines, *("  " + line for line in body), "}"]) + "\n"

    def _aligned(self) -> dict[str, int]:
        """Numbers that divide the starts of the loops."""
        lanes = self.leaf.lanes
        aligned = {self.vectors.loop: lanes}
        if self.vectors.offset % self.vectors.size == 0:
            aligned[self.vectors.loop] = lanes * self.vectors.size
        for level in self.outer_reduction:
            aligned[level.loop] = level.step
        return aligned

    def _prologue(self) -> list[str]:
        ops, aligned = self.operands, self._aligned()
        starts = {loop: f"at_{loop}" for loop in self.starts}
        lines = [
            f"const long v0 = {ops.vector.base(starts, aligned)};",
            f"const long s0 = {ops.broadcast.base(starts, aligned)};",
            f"float *restrict out = {_pointer(ops.output)} + {ops.output.base(starts, aligned)};",
        ]
        for border in self._ranged_borders():
            low, high = tap_range(border)
            lines.append(f"const long {border.tap}_low = {low};")
            lines.append(f"const long {border.tap}_high = {high};")
        return [*lines, *self._accumulators_set()]

    def _accumulators_set(self) -> list[str]:
        """Declarations, each with its value, so that no accumulator is used before it has one.

        Zero, or what the output holds; where that depends on the tile it is loaded afterwards.
        """
        held = [(self._accumulator(p, j), self._load(j, at)) for p, j, at in self._accumulators()]
        if self.operands.accumulate:
            return [f"vec {name} = {load};" for name, load in held]
        lines = [f"vec {name} = (vec){{0}};" for name, _ in held]
        later = " || ".join(f"at_{level.loop} != 0" for level in self.outer_reduction)
        if later:  # an earlier piece of the reduction has left its sums in the output
            lines += [f"if ({later}) {{", *(f"  {name} = {load};" for name, load in held), "}"]
        return lines

    def _ranged_borders(self) -> list[Border]:
        """Borders whose taps are a range known at run time: tiles of a single point."""
        return [b for b in self.operands.borders if self.leaf.grain(b.point).points == 1]

    def _accumulators(self) -> list[tuple[Point, int, int]]:
        """(point, vector, offset in the output) of every accumulator."""
        return [
            (p, j, self._offset(self.operands.output, p, j))
            for p in self.points({})
            for j in range(self.vectors.size)
        ]

    def _accumulator(self, point: Point, vector: int) -> str:
        return "a" + "_".join(str(i) for _, i in point) + f"v{vector}"

    def _offset(self, address: Address, point: Point, vector: int) -> int:
        lanes = self.leaf.lanes
        inside = sum(address.coefficient(loop, 1) * i for loop, i in point)
        return inside + address.coefficient(self.vectors.loop, lanes) * vector

    def _partial(self, vector: int) -> int:
        """Lanes of a vector that are inside the loop when it is the last one, else 0."""
        if self.vectors.partial and vector == self.vectors.size - 1:
            return self.leaf.grain(self.vectors.loop).extent % self.leaf.lanes
        return 0

    def _load(self, vector: int, offset: int) -> str:
        lanes = self._partial(vector)
        if lanes and not self.operands.whole_stores:
            return f"LOAD_PART(out + {offset}, {lanes})"
        return f"LOAD(out + {offset})"

    def _stores(self) -> list[str]:
        lines = []
        store = "STREAM" if self.leaf.nontemporal else "STORE"
        for p, j, offset in self._accumulators():
            name, lanes = self._accumulator(p, j), self._partial(j)
            if lanes and not self.operands.whole_stores:
                lines.append(f"STORE_PART(out + {offset}, {name}, {lanes});")
            else:
                lines.append(f"{store}(out + {offset}, {name});")
        return lines

    def _reduction(
        self, levels: tuple[Level, ...], depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str]:
        """Loops of the microkernel from `levels[0]` inwards, offsets v and s of `depth` known."""
        fixed = [b for b in self.operands.borders if self._is_outer(b.tap)]
        if depth == 0 and fixed:
            return self._outer_taps(fixed, levels)
        if not levels:
            return self._multiply_add(f"v{depth}", f"s{depth}", live, 0, 0)
        level, *rest = levels
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

    def _is_outer(self, loop: str) -> bool:
        return any(level.loop == loop for level in self.outer_reduction)

    def _grouped_border(self, loop: str) -> tuple[Border, TileClass] | None:
        for border in self.operands.borders:
            tile = next(t for t in self.tiles if t.loop == border.point)
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
            lines += ["  const long v1 = v0, s1 = s0;"]
            lines += ["  " + line for line in self._reduction(levels, 1, live)] + ["}"]
        return lines

    def _range(self, level: Level) -> tuple[str, str]:
        """Bounds of a microkernel loop, counted in pieces of the level from its parent's start."""
        if any(border.tap == level.loop for border in self._ranged_borders()):
            return f"{level.loop}_low", f"{level.loop}_high"
        return "0", self._step(level).end

    def _step(self, level: Level) -> Step:
        extent = self.leaf.grain(level.loop).extent
        return next(s for s in steps_of(self.path, level.loop, extent) if s.level == level)

    def _loop(
        self,
        level: Level,
        low: str,
        high: str,
        rest: tuple[Level, ...],
        depth: int,
        live: dict[str, tuple[int, ...]],
    ) -> list[str]:
        name = variable(level)
        cv = self.operands.vector.coefficient(level.loop, level.step)
        cs = self.operands.broadcast.coefficient(level.loop, level.step)
        head = f"for (long {name} = {low}; {name} < {high}; ++{name}) {{"
        if rest:
            v, s = f"v{depth + 1}", f"s{depth + 1}"
            body = [f"const long {v} = v{depth} + {name} * {cv}, {s} = s{depth} + {name} * {cs};"]
            body += self._reduction(rest, depth + 1, live)
            return [head, *("  " + line for line in body), "}"]
        body = self._multiply_add(f"v{depth}", f"s{depth}", live, cv, cs, name)
        unroll = self.leaf.unroll
        pragma = [f"#pragma GCC unroll {unroll}"] if unroll > 1 else []
        return [*pragma, head, *("  " + line for line in body), "}"]

    def _multiply_add(
        self,
        v: str,
        s: str,
        live: dict[str, tuple[int, ...]],
        cv: int,
        cs: int,
        name: str = "",
    ) -> list[str]:
        """One reduction step: every live accumulator takes vector times scalar."""
        ops = self.operands
        vector = f"{_pointer(ops.vector)} + {v}" + (f" + {name} * {cv}" if name else "")
        scalar = f"{_pointer(ops.broadcast)} + {s}" + (f" + {name} * {cs}" if name else "")
        lines = [f"const float *vp = {vector}, *sp = {scalar};"]
        lines.append("STEP;")
        if self.leaf.prefetch:
            lines.append(f"__builtin_prefetch(vp + {self.leaf.prefetch // 4});")
        points, count = self.points(live), self.vectors.size
        # The smaller side stays in registers, the other passes through one register at a time.
        if len(points) >= count:
            lines += [self._load_vector(j) for j in range(count)]
            for k, p in enumerate(points):
                lines.append(f"const float x{k} = sp[{self._offset(ops.broadcast, p, 0)}];")
                lines += [f"{self._accumulator(p, j)} += w{j} * x{k};" for j in range(count)]
            return lines
        for k, p in enumerate(points):
            offset = self._offset(ops.broadcast, p, 0)
            lines.append(f"vec x{k} = SPLAT(sp[{offset}]); KEEP(x{k});")
        for j in range(count):
            lines.append(self._load_vector(j))
            lines += [f"{self._accumulator(p, j)} += w{j} * x{k};" for k, p in enumerate(points)]
        return lines

    def _load_vector(self, vector: int) -> str:
        address = self.operands.vector
        offset = address.coefficient(self.vectors.loop, self.leaf.lanes) * vector
        lanes = self._partial(vector)
        if lanes and not self.operands.whole_loads:
            return f"vec w{vector} = LOAD_PART(vp + {offset}, {lanes});"
        return f"vec w{vector} = LOAD(vp + {offset}); KEEP(w{vector});"


def _pointer(address: Address) -> str:
    return f"t_{address.access.tensor}"
