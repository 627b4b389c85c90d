"""Operands in the order of the loops that read them."""

from __future__ import annotations

from typing import Any

from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.streamed import as_they_run, own_reads
from tests.compiler.machines import AVX512

IN_PLANES: dict[str, Any] = {
    "name": "planes",
    "sizes": {"l": 90, "i": 64, "m": 30, "j": 64},
    "tensors": {"x": ["l", "i", "m", "j"], "z": ["j"], "y": ["i", "j"]},
    "statements": ["y[i,j] += abs(x[l,i,m,j] - z[j])"],
}
TILED = "lanes/vector:j.16/tile:j.2+i.4/order:i+j+l+m"


def moved(primitive: Primitive, line: str) -> list[Schedule]:
    nest = loop_nest(primitive).nest
    first, *others = as_they_run(nest, own_reads(nest, nest.statements[0]), parse_schedule(line))
    assert first == parse_schedule(line)
    return others


def test_dimensions_follow_the_loops_and_end_in_the_register_tile() -> None:
    (schedule,) = moved(primitive_from(IN_PLANES), TILED)
    assert dict(schedule.layout) == {"x": "BDac4b32d"}  # z is in their order already


def test_tiles_that_differ_are_no_blocks() -> None:
    (schedule,) = moved(primitive_from(IN_PLANES), TILED.replace("i.4", "i.5"))
    assert dict(schedule.layout)["x"] == "bDac32d"


def test_lanes_across_a_reduction_are_blocks_of_a_vector() -> None:
    line = "dot/vector:j.16/tile:j.2+i.4/order:i+l+m+j"
    primitive = primitive_from(
        IN_PLANES
        | {"tensors": {"x": ["l", "i", "m", "j"], "y": ["i"]}}
        | {"statements": ["y[i] += abs(x[l,i,m,j])"], "plain": ["y"]}
    )
    nest = loop_nest(primitive).nest
    assert nest.statements[0].loops == ("i", "l", "m_j")
    (schedule,) = moved(primitive, line.replace("m+j", "m_j").replace("j.", "m_j."))
    assert dict(schedule.layout) == {"x": "BaC4b16c"}


def test_windows_are_no_blocks() -> None:
    window = IN_PLANES | {"tensors": IN_PLANES["tensors"] | {"x": ["l", "i", "m", "j + 2"]}}
    window |= {"statements": ["y[i,j] += abs(x[l,i,m,j + k] - z[j])"], "extents": {"k": 3}}
    (schedule,) = moved(primitive_from(window), TILED + "+k")
    assert dict(schedule.layout)["x"] == "bacd"


def test_others_that_touch_an_operand_keep_it_where_it_is() -> None:
    shared = primitive_from(
        IN_PLANES
        | {"statements": [*IN_PLANES["statements"], "y[i,j] = y[i,j] * z[j]"], "plain": ["x"]}
    )
    twice = primitive_from(
        IN_PLANES
        | {"statements": ["y[i,j] += abs(x[l,i,m,j] - x[l,i,m,0])"]}
        | {"tensors": {"x": ["l", "i", "m", "j"], "y": ["i", "j"]}}
    )
    for nest in (loop_nest(shared).nest, loop_nest(twice).nest):
        assert own_reads(nest, nest.statements[0]) == ()


def test_a_tensor_of_planes_is_read_in_one_sweep() -> None:
    primitive = primitive_from(IN_PLANES)
    best = ranked_schedules(primitive, AVX512)[0].schedule
    tree = fitted(loop_nest(primitive).nest, best)
    assert tree.layout_of("x").order[0] == 1, str(best)
