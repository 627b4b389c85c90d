"""The loops that isl prints visit every tile of every class once, in the schedule's order."""

from __future__ import annotations

import ctypes
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from compiler.codegen.c_printer import ARITHMETIC
from compiler.codegen.loop_ast import c_loops
from compiler.errors import ScheduleError
from compiler.lower.border_classes import TileClass, borders, tile_classes
from compiler.lower.fit import fitted
from compiler.lower.isl_tree import TileSpace
from compiler.lower.lowered import lowered
from compiler.lower.tree import Level, Microkernel
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen.random_schedules import random_problem, random_schedule
from tests.compiler.codegen.targets import c_compiler
from tests.compiler.problem.operators import conv2d, matmul

CASES = 50
LONGEST = 100_000


@dataclass(frozen=True)
class Case:
    """A tile space with its classes, numbered in the order of `classes`."""

    space: TileSpace
    classes: tuple[dict[str, TileClass], ...]

    def function(self, number: int) -> str:
        """C function that writes class and coordinates of each call to `out`."""

        def call(name: str, coordinates: tuple[str, ...]) -> str:
            values = ", ".join((name.removeprefix("tile"), *coordinates))
            width = 1 + len(coordinates)
            write = f"for (int i = 0; i < {width}; ++i) *out++ = row[i];"
            return f"{{ long row[] = {{{values}}}; {write} }}"

        named = [(f"tile{i}", tiles) for i, tiles in enumerate(self.classes)]
        lines = ["  " + line for line in c_loops(self.space, named, call)]
        return "\n".join([f"void visit_{number}(long *out) {{", *lines, "}"])

    def wanted(self) -> list[list[int]]:
        """All tiles by brute force, sorted by the pieces of the levels that hold them."""
        space = self.space
        rows = []
        for number, tiles in enumerate(self.classes):
            ranges = [
                range(tiles[x].first, tiles[x].last) if x in tiles else range(space.count(x))
                for x in space.loops
            ]
            rows += [[number, *coordinates] for coordinates in product(*ranges)]
        held = [(space.loops.index(x.loop) + 1, self._pieces(x)) for x in space.path.loops]
        return sorted(rows, key=lambda row: [pieces[row[at]] for at, pieces in held])

    def _pieces(self, level: Level) -> list[int]:
        """The piece of a level that holds each piece of its loop's finest outer level."""
        grain = self.space.grain(level.loop)
        held = grain.pieces_of_points(level)
        finest = grain.pieces_of_points(self.space.finest(level.loop))
        return [held[finest.index(piece)] for piece in range(finest[-1] + 1)]


def _case(nest: Primitive, schedule: Schedule) -> Case:
    (path,) = lowered(nest, schedule).paths()
    assert isinstance(path.leaf, Microkernel)
    statement = nest.statements[0]
    by_point = {b.point: b for b in borders(nest, statement, statement.reads[0])}
    by_loop = [
        tile_classes(grain, by_point.get(grain.loop), grain.loop == path.leaf.vector)
        for grain in path.leaf.grains
        if grain.loop not in statement.reduction_loops
    ]
    classes = tuple({tile.loop: tile for tile in tiles} for tiles in product(*by_loop))
    return Case(TileSpace(path), classes)


def _check(cases: Sequence[Case], folder: Path) -> None:
    source, library = folder / "loops.c", folder / "loops.so"
    source.write_text("\n".join([ARITHMETIC, *(c.function(i) for i, c in enumerate(cases))]))
    flags = ["-O0", "-w", "-shared", "-fPIC"]
    subprocess.run([c_compiler(), *flags, "-o", library, source], check=True)
    loaded = ctypes.CDLL(str(library))
    for number, case in enumerate(cases):
        wanted = case.wanted()
        width = 1 + len(case.space.loops)
        out = (ctypes.c_long * (len(wanted) * width + 1))(*([-1] * (len(wanted) * width + 1)))
        loaded[f"visit_{number}"](out)
        found = [list(out[i : i + width]) for i in range(0, len(wanted) * width, width)]
        assert found == wanted, case.space
        assert out[len(wanted) * width] == -1, "a tile is visited twice"


def test_random_class_sets(tmp_path: Path) -> None:
    rng = random.Random(7)
    cases: list[Case] = []
    while len(cases) < CASES:
        nest = loop_nest(random_problem(rng)).nest
        schedule = random_schedule(nest, rng)
        outer = lowered(nest, schedule).paths()[0].loops
        parallel = tuple(level.name for level in outer if rng.random() < 0.2)
        schedule = schedule.with_band(parallel=parallel)
        try:
            fitted(nest, schedule)
            case = _case(nest, schedule)
        except ScheduleError:
            continue
        if len(case.wanted()) * (1 + len(case.space.loops)) < LONGEST:
            cases.append(case)
    _check(cases, tmp_path)


@pytest.fixture
def nest() -> Primitive:
    return loop_nest(primitive_from(conv2d(ic=4, oc=16, ih=8, iw=8))).nest


def _lines(nest: Primitive, text: str) -> list[str]:
    case = _case(nest, parse_schedule(text))
    named = [(f"tile{i}", tiles) for i, tiles in enumerate(case.classes)]
    return c_loops(case.space, named, lambda name, at: f"{name}({', '.join(at)});")


def test_separated_loops_carry_no_conditions(nest: Primitive) -> None:
    lines = _lines(nest, "broadcast/vector:oc.8/tile:ow.3/order:oc+oh+ow+kh+kw+ic")
    assert not [line for line in lines if "if (" in line]
    assert not [line for line in lines if "#pragma" in line]


@pytest.mark.parametrize(
    ("order", "pragmas"),
    [
        ("order:oc+oh+ow+kh+kw+ic/parallel:oc", [1]),
        ("order:oc+oh+ow+kh+kw+ic/parallel:oc+oh+ow", [3]),
        ("order:oc+oh+ow+kh+kw+ic/parallel:oc+ow", [1]),  # not directly inside
        ("order:oc+oh+ow+kh+kw+ic/parallel:oh", [1]),
        ("order:oh@1+oc+oh+ow+kh+kw+ic/block:oh@1.4/parallel:oh@1+oc", [2]),
        ("order:oh@1+oh+oc+ow+kh+kw+ic/block:oh@1.4/parallel:oh@1+oh", [1]),  # oh's bounds move
        ("order:oh@1+oc+oh+ow+kh+kw+ic/block:oh@1.4/parallel:oh@1+oc+oh", [2]),
        ("order:oh@1+oc+oh+ow+kh+kw+ic/block:oh@1.8/parallel:oh@1+oc", [1]),  # one piece: no loop
        ("order:ic@1+oc+oh+ow+kh+kw+ic/block:ic@1.2/parallel:oc+oh", [2]),
    ],
)
def test_parallel_loops_are_collapsed_where_they_form_a_rectangle(
    nest: Primitive, order: str, pragmas: list[int]
) -> None:
    lines = _lines(nest, f"broadcast/vector:oc.8/tile:ow.3/{order}")
    found = [line.strip() for line in lines if "#pragma" in line]
    assert found == [f"#pragma omp parallel for collapse({n})" for n in pragmas]


def test_tile_spaces_count_pieces() -> None:
    nest = loop_nest(primitive_from(matmul(m=7, n=37, k=10))).nest
    text = "broadcast/vector:n.8/tile:n.2+m.3/order:k@2+n@1+k@1+m+n+k/block:k@2.8+k@1.4+n@1.2"
    (path,) = lowered(nest, parse_schedule(text)).paths()
    space = TileSpace(path)
    assert space.loops == ("k", "n", "m")
    assert [space.count(loop) for loop in space.loops] == [3, 3, 3]
    assert [space.step(loop) for loop in space.loops] == [4, 1, 1]
    assert [space.time(level) for level in path.loops] == [
        "floor(q_k/2)",
        "floor(q_n/2)",
        "q_k",
        "q_m",
        "q_n",
    ]
