"""The innermost tile as one C function: accumulators in registers, reduction loops around FMAs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from compiler.lower.addressing import Placement
from compiler.lower.border_classes import Guard, TileClass
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule, loop_of

Point = tuple[tuple[str, int], ...]  # offset in the register tile, by loop


@dataclass(frozen=True)
class Operands:
    """The three accesses of a contraction, placed in their layouts; names of their C pointers."""

    vector: Placement
    broadcast: Placement
    output: Placement
    guards: tuple[Guard, ...]  # of the broadcast operand
    whole_loads: bool  # the vector operand may be read past the loop's end
    whole_stores: bool
    accumulate: bool  # the output's values on entry count


@dataclass(frozen=True)
class Microkernel:
    """One border class: which points, vectors and taps, and where its reduction starts."""

    name: str
    nest: Primitive
    schedule: Schedule
    operands: Operands
    tiles: tuple[TileClass, ...]  # one per register-tiled or outer non-reduction loop

    @property
    def reduction(self) -> tuple[str, ...]:
        return self.nest.statements[0].reduction_loops

    @property
    def outer_reduction(self) -> tuple[str, ...]:
        """Finest outer level of each reduction loop that is split or outside the microkernel."""
        finest: dict[str, str] = {}
        for level in self.schedule.outer_levels(self.reduction):
            if loop_of(level) in self.reduction:
                finest[loop_of(level)] = level
        return tuple(finest.values())

    @property
    def starts(self) -> tuple[str, ...]:
        """Loops whose position the function takes, in the order of its parameters."""
        return (*(t.loop for t in self.tiles), *(loop_of(x) for x in self.outer_reduction))

    @property
    def vectors(self) -> TileClass:
        return next(t for t in self.tiles if t.loop == self.schedule.vector[0])

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
        body = [*self._prologue(), *self._reduction(self._levels(), 0, {}), *self._stores()]
        return "\n".join([*lines, *("  " + line for line in body), "}"]) + "\n"

    def _levels(self) -> tuple[str, ...]:
        return self.schedule.microkernel_levels(self.reduction)

    def _aligned(self) -> dict[str, int]:
        """Numbers that divide the starts of the loops."""
        lanes = self.schedule.vector[1]
        aligned = {self.vectors.loop: lanes}
        if self.vectors.offset % self.vectors.size == 0:
            aligned[self.vectors.loop] = lanes * self.vectors.size
        for level in self.outer_reduction:
            aligned[loop_of(level)] = self.schedule.block_of(level) or 1
        return aligned

    def _prologue(self) -> list[str]:
        ops, aligned = self.operands, self._aligned()
        starts = {loop: f"at_{loop}" for loop in self.starts}
        lines = [
            f"const long v0 = {ops.vector.base(starts, aligned)};",
            f"const long s0 = {ops.broadcast.base(starts, aligned)};",
            f"float *restrict out = {_pointer(ops.output)} + {ops.output.base(starts, aligned)};",
        ]
        for guard in self._ranged_guards():
            lines += _tap_range(guard, self.nest.extent(guard.tap))
        return [*lines, *self._accumulators_set()]

    def _accumulators_set(self) -> list[str]:
        """Declarations, each with its value, so that no accumulator is used before it has one.

        Zero, or what the output holds; where that depends on the tile it is loaded afterwards.
        """
        held = [(self._accumulator(p, j), self._load(j, at)) for p, j, at in self._accumulators()]
        if self.operands.accumulate:
            return [f"vec {name} = {load};" for name, load in held]
        lines = [f"vec {name} = (vec){{0}};" for name, _ in held]
        later = " || ".join(f"at_{loop_of(level)} != 0" for level in self.outer_reduction)
        if later:  # an earlier piece of the reduction has left its sums in the output
            lines += [f"if ({later}) {{", *(f"  {name} = {load};" for name, load in held), "}"]
        return lines

    def _ranged_guards(self) -> list[Guard]:
        """Guards whose taps are a range known at run time: tiles of a single point."""
        return [g for g in self.operands.guards if self.schedule.tile_of(g.point) == 1]

    def _accumulators(self) -> list[tuple[Point, int, int]]:
        """(point, vector, offset in the output) of every accumulator."""
        return [
            (p, j, self._offset(self.operands.output, p, j))
            for p in self.points({})
            for j in range(self.vectors.size)
        ]

    def _accumulator(self, point: Point, vector: int) -> str:
        return "a" + "_".join(str(i) for _, i in point) + f"v{vector}"

    def _offset(self, placement: Placement, point: Point, vector: int) -> int:
        lanes = self.schedule.vector[1]
        inside = sum(placement.coefficient(loop, 1) * i for loop, i in point)
        return inside + placement.coefficient(self.vectors.loop, lanes) * vector

    def _partial(self, vector: int) -> int:
        """Lanes of a vector that are inside the loop when it is the last one, else 0."""
        if self.vectors.partial and vector == self.vectors.size - 1:
            return self.nest.extent(self.vectors.loop) % self.schedule.vector[1]
        return 0

    def _load(self, vector: int, offset: int) -> str:
        lanes = self._partial(vector)
        if lanes and not self.operands.whole_stores:
            return f"LOAD_PART(out + {offset}, {lanes})"
        return f"LOAD(out + {offset})"

    def _stores(self) -> list[str]:
        lines = []
        store = "STREAM" if self.schedule.nontemporal else "STORE"
        for p, j, offset in self._accumulators():
            name, lanes = self._accumulator(p, j), self._partial(j)
            if lanes and not self.operands.whole_stores:
                lines.append(f"STORE_PART(out + {offset}, {name}, {lanes});")
            else:
                lines.append(f"{store}(out + {offset}, {name});")
        return lines

    def _reduction(
        self, levels: tuple[str, ...], depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str]:
        """Loops of the microkernel from `levels[0]` inwards, offsets v and s of `depth` known."""
        fixed = [g for g in self.operands.guards if self._is_outer(g.tap)]
        if depth == 0 and fixed:
            return self._outer_taps(fixed, levels)
        if not levels:
            return self._multiply_add(f"v{depth}", f"s{depth}", live, 0, 0)
        level, *rest = levels
        loop = loop_of(level)
        grouped = self._grouped_guard(loop)
        if grouped is None:
            low, high = self._range(level)
            return self._loop(level, low, high, tuple(rest), depth, live)
        guard, tile = grouped
        lines: list[str] = []
        for group in tile.taps or ():
            inner = {**live, guard.point: group.live}
            lines += self._loop(level, str(group.low), str(group.high), tuple(rest), depth, inner)
        return lines

    def _is_outer(self, loop: str) -> bool:
        return loop in {loop_of(level) for level in self.outer_reduction}

    def _grouped_guard(self, loop: str) -> tuple[Guard, TileClass] | None:
        for guard in self.operands.guards:
            tile = next(t for t in self.tiles if t.loop == guard.point)
            if guard.tap == loop and tile.taps is not None:
                return guard, tile
        return None

    def _outer_taps(self, fixed: list[Guard], levels: tuple[str, ...]) -> list[str]:
        """Taps fixed by an outer loop: run the code of the group that the tap is in."""
        choices: list[list[tuple[str, dict[str, tuple[int, ...]]]]] = []
        for guard in fixed:
            grouped, at = self._grouped_guard(guard.tap), f"at_{guard.tap}"
            if grouped is None:
                choices.append([(f"{at} >= {guard.tap}_low && {at} < {guard.tap}_high", {})])
            else:
                choices.append(
                    [
                        (f"{at} >= {g.low} && {at} < {g.high}", {guard.point: g.live})
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

    def _range(self, level: str) -> tuple[str, str]:
        """Bounds of a microkernel loop, counted in pieces of the level from its parent's start."""
        loop = loop_of(level)
        for guard in self._ranged_guards():
            if guard.tap == loop:
                return f"{loop}_low", f"{loop}_high"
        order = self.schedule.order
        step = self.schedule.block_of(level) or 1
        parents = [x for x in order[: order.index(level)] if loop_of(x) == loop]
        extent = self.nest.extent(loop)
        if not parents:
            return "0", str(-(-extent // step))
        size = self.schedule.block_of(parents[-1]) or 1
        if extent % size == 0:  # pieces always divide the pieces around them
            return "0", str(-(-size // step))
        return "0", f"({self._rest(parents, extent)} + {step - 1}) / {step}"

    def _rest(self, parents: list[str], extent: int) -> str:
        """Points in the current piece of the last of `parents`, which may be cut short."""
        size = self.schedule.block_of(parents[-1]) or 1
        inner = [p for p in parents if p in self._levels()]
        outer = [p for p in parents if p not in self._levels()]
        if not inner:
            return f"min({size}, {extent} - at_{loop_of(parents[-1])})"
        above = f"{extent} - at_{loop_of(outer[-1])}" if outer else str(extent)
        if outer:
            above = f"min({self.schedule.block_of(outer[-1])}, {above})"
        position = " - ".join(f"{_variable(p)} * {self.schedule.block_of(p)}" for p in inner)
        return f"min({size}, {above} - {position})"

    def _loop(
        self,
        level: str,
        low: str,
        high: str,
        rest: tuple[str, ...],
        depth: int,
        live: dict[str, tuple[int, ...]],
    ) -> list[str]:
        loop, step, name = loop_of(level), self.schedule.block_of(level) or 1, _variable(level)
        cv = self.operands.vector.coefficient(loop, step)
        cs = self.operands.broadcast.coefficient(loop, step)
        head = f"for (long {name} = {low}; {name} < {high}; ++{name}) {{"
        if rest:
            v, s = f"v{depth + 1}", f"s{depth + 1}"
            body = [f"const long {v} = v{depth} + {name} * {cv}, {s} = s{depth} + {name} * {cs};"]
            body += self._reduction(rest, depth + 1, live)
            return [head, *("  " + line for line in body), "}"]
        body = self._multiply_add(f"v{depth}", f"s{depth}", live, cv, cs, name)
        unroll = self.schedule.unroll
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
        if self.schedule.prefetch:
            lines.append(f"__builtin_prefetch(vp + {self.schedule.prefetch // 4});")
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
        placement = self.operands.vector
        offset = placement.coefficient(self.vectors.loop, self.schedule.vector[1]) * vector
        lanes = self._partial(vector)
        if lanes and not self.operands.whole_loads:
            return f"vec w{vector} = LOAD_PART(vp + {offset}, {lanes});"
        return f"vec w{vector} = LOAD(vp + {offset}); KEEP(w{vector});"


def _pointer(placement: Placement) -> str:
    return f"t_{placement.access.tensor}"


def _variable(level: str) -> str:
    return "r_" + level.replace("@", "_at_")


def _tap_range(guard: Guard, taps: int) -> list[str]:
    """Declarations of the live taps `low <= tap < high` of one point."""
    at = f"(at_{guard.point} * {guard.point_step} + {guard.constant})"
    tap, step = guard.tap, guard.tap_step
    return [
        f"const long {tap}_low = max(0, ceild(-{at}, {step}));",
        f"const long {tap}_high = min({taps}, floord({guard.size - 1} - {at}, {step}) + 1);",
    ]
