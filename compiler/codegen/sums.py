"""The sum of a microkernel: accumulators in registers, reduction loops around multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from compiler.codegen.border_tile import BorderTile, accumulator, pointer
from compiler.codegen.finish import sums_loaded
from compiler.lower.border_classes import Border, TileClass
from compiler.lower.steps import Step, steps_of, tap_range, variable
from compiler.lower.tree import Level


def offsets(tile: BorderTile) -> list[str]:
    """Declarations of where the two factors begin."""
    return [
        f"const long v0 = {tile.base(tile.factors.vector)};",
        f"const long s0 = {tile.base(tile.factors.broadcast)};",
    ]


def summed(tile: BorderTile) -> list[str]:
    """C lines that leave the sums in the accumulators."""
    lines = []
    for border in _ranged_borders(tile):
        low, high = tap_range(border)
        lines.append(f"const long {border.tap}_low = {low};")
        lines.append(f"const long {border.tap}_high = {high};")
    return [*lines, *_accumulators_set(tile), *_Reduction(tile).loops(tile.leaf.levels, 0, {})]


def _accumulators_set(tile: BorderTile) -> list[str]:
    """Declarations, each with its value, so that no accumulator is used before it has one.

    Zero, or what the output holds; where that depends on the tile it is loaded afterwards.
    """
    names = [accumulator(p, j) for p, j in tile.accumulators()]
    if tile.factors.accumulate:
        loads = sums_loaded(tile).values()
        return [f"vec {name} = {load};" for name, load in zip(names, loads, strict=True)]
    lines = [f"vec {name} = (vec){{0}};" for name in names]
    later = " || ".join(f"at_{level.loop} != 0" for level in tile.path.cut)
    if later:  # an earlier piece of the reduction has left its sums in the output
        loads = sums_loaded(tile).values()
        held = (f"  {name} = {load};" for name, load in zip(names, loads, strict=True))
        lines += [f"if ({later}) {{", *held, "}"]
    return lines


def _ranged_borders(tile: BorderTile) -> list[Border]:
    """Borders whose taps are a range known at run time: tiles of a single point."""
    return [b for b in tile.operands.borders if tile.leaf.grain(b.point).points == 1]


@dataclass(frozen=True)
class _Reduction:
    """The loops inside a microkernel."""

    tile: BorderTile

    def loops(
        self, levels: tuple[Level, ...], depth: int, live: dict[str, tuple[int, ...]]
    ) -> list[str]:
        """Loops of the microkernel from `levels[0]` inwards, offsets v and s of `depth` known."""
        fixed = [b for b in self.tile.operands.borders if self._is_cut(b.tap)]
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
            lines += ["  const long v1 = v0, s1 = s0;"]
            lines += ["  " + line for line in self.loops(levels, 1, live)] + ["}"]
        return lines

    def _range(self, level: Level) -> tuple[str, str]:
        """Bounds of a microkernel loop, counted in pieces of the level from its parent's start."""
        if any(border.tap == level.loop for border in _ranged_borders(self.tile)):
            return f"{level.loop}_low", f"{level.loop}_high"
        return "0", self._step(level).end

    def _step(self, level: Level) -> Step:
        extent = self.tile.leaf.grain(level.loop).extent
        return next(s for s in steps_of(self.tile.path, level.loop, extent) if s.level == level)

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
        cv = self.tile.factors.vector.coefficient(level.loop, level.step)
        cs = self.tile.factors.broadcast.coefficient(level.loop, level.step)
        head = f"for (long {name} = {low}; {name} < {high}; ++{name}) {{"
        if rest:
            v, s = f"v{depth + 1}", f"s{depth + 1}"
            body = [f"const long {v} = v{depth} + {name} * {cv}, {s} = s{depth} + {name} * {cs};"]
            body += self.loops(rest, depth + 1, live)
            return [head, *("  " + line for line in body), "}"]
        body = self._multiply_add(f"v{depth}", f"s{depth}", live, cv, cs, name)
        unroll = self.tile.leaf.unroll
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
        tile, factors = self.tile, self.tile.factors
        vector = f"{pointer(factors.vector)} + {v}" + (f" + {name} * {cv}" if name else "")
        scalar = f"{pointer(factors.broadcast)} + {s}" + (f" + {name} * {cs}" if name else "")
        lines = [f"const {tile.dtype.c} *vp = {vector}, *sp = {scalar};"]
        lines.append("STEP;")
        if tile.leaf.prefetch:
            lines.append(f"__builtin_prefetch(vp + {tile.leaf.prefetch // tile.dtype.bytes});")
        points, count = tile.points(live), tile.vectors.size
        # The smaller side stays in registers, the other passes through one register at a time.
        if len(points) >= count:
            lines += [self._load_vector(j) for j in range(count)]
            for k, p in enumerate(points):
                offset = tile.offset(factors.broadcast, p, 0)
                lines.append(f"const {tile.dtype.c} x{k} = sp[{offset}];")
                lines += [f"{accumulator(p, j)} += w{j} * x{k};" for j in range(count)]
            return lines
        for k, p in enumerate(points):
            offset = tile.offset(factors.broadcast, p, 0)
            lines.append(f"vec x{k} = SPLAT(sp[{offset}]); KEEP(x{k});")
        for j in range(count):
            lines.append(self._load_vector(j))
            lines += [f"{accumulator(p, j)} += w{j} * x{k};" for k, p in enumerate(points)]
        return lines

    def _load_vector(self, vector: int) -> str:
        address = self.tile.factors.vector
        offset = address.coefficient(self.tile.vectors.loop, self.tile.leaf.lanes) * vector
        lanes = self.tile.partial(vector)
        if lanes and not self.tile.factors.whole_loads:
            return f"vec w{vector} = LOAD_PART(vp + {offset}, {lanes});"
        return f"vec w{vector} = LOAD(vp + {offset}); KEEP(w{vector});"
