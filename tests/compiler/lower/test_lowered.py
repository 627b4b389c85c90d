"""Every level partitions its loop, finer ones refine coarser ones; what is inside the leaf."""

from __future__ import annotations

from random import Random

import pytest

from compiler.errors import ScheduleError
from compiler.lower.lowered import lowered
from compiler.lower.tree import Level, Microkernel, Path, Scalar
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Band, Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule


def _only(nest: Primitive, schedule: Schedule) -> Path:
    (path,) = lowered(nest, schedule).paths()
    return path


def _pieces(path: Path, level: Level) -> list[int]:
    """Points of each piece."""
    grain = next(grain for grain in path.leaf.grains if grain.loop == level.loop)
    held = grain.pieces_of_points(level)
    assert held == sorted(held)
    assert len(held) == grain.extent
    assert not level.step or grain.pieces(level) == held[-1] + 1
    return [held.count(piece) for piece in range(held[-1] + 1)]


@pytest.mark.parametrize("seed", range(40))
def test_levels_partition_and_refine(seed: int) -> None:
    random = Random(seed)
    spec = conv2d(n=2, ic=7, oc=9) if seed % 2 else matmul(m=11, n=13, k=5)
    nest = loop_nest(primitive_from(spec)).nest
    schedule = random_schedule(nest, random)
    path = _only(nest, schedule)
    assert [level.name for level in path.levels] == list(schedule.band.order)
    finer: dict[str, set[int]] = {}
    for level in reversed((*path.levels, *path.leaf.points)):
        sizes = _pieces(path, level)
        assert all(size > 0 for size in sizes)
        assert sum(sizes) == nest.extent(level.loop)
        starts = {sum(sizes[:i]) for i in range(len(sizes))}
        assert starts <= finer.get(level.loop, starts), f"{level} cuts a finer piece"
        finer[level.loop] = starts


def test_levels_of_the_output_count_register_tiles() -> None:
    nest = loop_nest(primitive_from(matmul(m=7, n=37, k=4))).nest
    path = _only(
        nest, parse_schedule("broadcast/vector:n.8/tile:n.2+m.3/order:n@1+m+n+k/block:n@1.2")
    )
    by_name = {level.name: _pieces(path, level) for level in (*path.levels, *path.leaf.points)}
    assert by_name == {
        "n@1": [32, 5],
        "m": [3, 2, 2],
        "n": [16, 16, 5],
        "k": [1] * 4,
        "m@0": [1] * 7,
        "n@0": [1] * 37,
    }


def test_levels_of_a_reduction_count_points() -> None:
    nest = loop_nest(primitive_from(matmul(k=10))).nest
    path = _only(nest, parse_schedule("scalar/order:k@2+k@1+m+n+k/block:k@2.8+k@1.4"))
    by_name = {level.name: _pieces(path, level) for level in path.levels}
    assert by_name["k@2"] == [8, 2]
    assert by_name["k@1"] == [4, 4, 2]


def test_the_microkernel_takes_the_trailing_reduction_levels() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=8, oc=8))).nest
    order = "order:kh+oc+ic@1+oh+ow+kw+ic/block:ic@1.4"
    path = _only(nest, parse_schedule(f"broadcast/vector:oc.8/{order}/parallel:oc"))
    assert isinstance(path.leaf, Microkernel)
    assert [level.name for level in path.loops] == ["kh", "oc", "ic@1", "oh", "ow"]
    assert [level.name for level in path.leaf.levels] == ["kw", "ic"]
    assert [level.name for level in path.loops if level.parallel] == ["oc"]
    scalar = _only(nest, parse_schedule(f"scalar/{order}"))
    assert isinstance(scalar.leaf, Scalar)
    assert scalar.levels == scalar.loops


def test_each_statement_has_the_levels_of_its_own_loops() -> None:
    nest = loop_nest(primitive_from(OPERATORS["chain"])).nest
    order = tuple(loop for loop, _ in nest.extents)
    tree = lowered(nest, Schedule((Band("scalar", order),)))
    assert [path.leaf.statement for path in tree.paths()] == list(range(len(nest.statements)))
    for path, statement in zip(tree.paths(), nest.statements, strict=True):
        assert {level.loop for level in path.loops} == set(statement.loops)
        assert tree.statement(path.leaf) == statement


def test_a_private_level_has_a_copy_a_piece_of_what_its_statements_write() -> None:
    nest = loop_nest(primitive_from(OPERATORS["chain"])).nest
    reduced = next(s for s in nest.statements if s.reduction_loops)
    loop, tensor = reduced.reduction_loops[0], reduced.target.tensor
    order = tuple(name for name, _ in nest.extents)
    band = Band("scalar", order, parallel=(loop,), private=((tensor, loop),))
    for path, statement in zip(
        lowered(nest, Schedule((band,))).paths(), nest.statements, strict=True
    ):
        own = statement.target.tensor == tensor and loop in statement.loops
        assert [level.name for level in path.private] == [loop] * own
        assert path.copies == (nest.extent(loop),) * own


def test_a_level_without_a_size_is_refused() -> None:
    nest = loop_nest(primitive_from(matmul())).nest
    with pytest.raises(ScheduleError, match="level k@1 has no block size"):
        lowered(nest, parse_schedule("scalar/order:k@1+m+n+k"))


def test_tensors_lie_as_the_schedule_says_else_as_stored() -> None:
    nest = loop_nest(primitive_from({**matmul(), "stored": {"a": [1, 0]}})).nest
    tree = lowered(nest, parse_schedule("broadcast/vector:n.4/order:m+n+k/layout:b.Ba4b"))
    assert tree.layout_of("a").tag() == "ba"
    assert tree.layout_of("b").tag() == "Ba4b"
    assert tree.layout_of("c").tag() == "ab"
