"""Schedules as perfect nests: the loops they run, and every element they touch."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from random import Random

import pytest

from compiler.cost.analysed_nest import nest_of_tree
from compiler.errors import ProblemError
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.model.perfect_nest import PerfectNest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from compiler.space.scalar import scalar_schedule
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import OPERATORS, SCANS, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule


def _touched(access: Access, extents: dict[str, int]) -> set[tuple[int, ...]]:
    used = sorted({loop for index in access.indices for loop in index.loops})
    points = product(*(range(extents[loop]) for loop in used))
    return {
        tuple(index.at(dict(zip(used, point, strict=True))) for index in access.indices)
        for point in points
    }


def _own_accesses(nest: Primitive) -> list[Access]:
    statement = nest.statements[0]
    return list(dict.fromkeys((statement.target, *statement.reads)))


def test_levels_then_the_points_of_the_register_tile() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=128, oc=512, ih=7, iw=7))).nest
    schedule = parse_schedule(
        "broadcast/vector:oc.16/tile:oc.4+ow.7/order:oc+oh+ow+ic@1+kh+kw+ic/block:ic@1.64"
    )
    found = nest_of_tree(lowered(nest, schedule))
    assert found.loops == (
        *(("oc", 8), ("oh", 7), ("ic@1", 2), ("kh", 3), ("kw", 3), ("ic", 64)),
        *(("ow@0", 7), ("oc@0", 64)),
    )
    assert [str(access) for access in found.accesses] == [
        "out[0, 64*oc + oc@0, oh, ow@0]",
        "data[0, ic + 64*ic@1, kh + oh - 1, kw + ow@0 - 1]",
        "weight[64*oc + oc@0, ic + 64*ic@1, kh, kw]",
    ]


def test_a_product_is_the_nest_of_the_paper() -> None:
    nest = loop_nest(primitive_from(conv2d(n=2, ic=128, oc=256, ih=28, iw=28))).nest
    schedule = parse_schedule(
        "broadcast/vector:oc.8/tile:oc.2+ow.6/order:n+oc@1+ic@1+oh+kh+kw+ow+oc+ic"
        "/block:oc@1.4+ic@1.64/microkernel:product"
    )
    assert nest_of_tree(lowered(nest, schedule)).loops == (
        *(("n", 2), ("oc@1", 4), ("ic@1", 2), ("oh", 28), ("kh", 3), ("kw", 3)),
        *(("ow", 28), ("oc", 64), ("ic", 64)),
    )


def test_uneven_pieces_count_as_the_largest() -> None:
    nest = loop_nest(primitive_from(matmul(m=17, n=20, k=100))).nest
    schedule = parse_schedule(
        "broadcast/vector:n.8/tile:n.2+m.6/order:k@1+n+m+k/block:k@1.64/layout:b.Ba8b"
    )
    # 17 = 6 + 6 + 5 rows, 20 columns in 3 vectors as 2 + 1, 100 = 64 + 36 steps
    assert nest_of_tree(lowered(nest, schedule)).loops == (
        *(("k@1", 2), ("n", 2), ("m", 3), ("k", 64), ("m@0", 6), ("n@0", 16)),
    )


def test_each_piece_of_a_private_level_has_its_own_target() -> None:
    nest = loop_nest(primitive_from(matmul(m=4, n=8, k=24))).nest
    line = "broadcast/vector:n.8/order:k@1+m+n+k/block:k@1.12/parallel:k@1"
    trees = (lowered(nest, parse_schedule(line + more)) for more in ("", "/private:c.k@1"))
    shared, copied = map(nest_of_tree, trees)
    assert copied.accesses[0].indices[0].terms == (("k@1", 1),)
    assert copied.accesses[0].indices[1:] == shared.accesses[0].indices
    assert copied.accesses[1:] == shared.accesses[1:]


@pytest.mark.parametrize("seed", range(30))
def test_every_element_is_touched_whatever_the_levels(seed: int) -> None:
    random = Random(seed)
    spec = random.choice([conv2d(ic=3, oc=4, ih=5, iw=4), matmul(), OPERATORS["batched"]])
    nest = loop_nest(primitive_from(spec)).nest
    found = nest_of_tree(lowered(nest, random_schedule(nest, random)))
    _check_cover(nest, found)


def test_candidates_that_divide_run_each_iteration_once() -> None:
    nest = loop_nest(primitive_from(matmul(m=24, n=64, k=1024))).nest
    total = prod(extent for _, extent in nest.extents)
    even = 0
    for schedule in candidates(nest, AVX2):
        found = nest_of_tree(lowered(nest, schedule))
        assert all(extent > 1 for _, extent in found.loops)
        even += prod(extent for _, extent in found.loops) == total
    assert even > 10


def _check_cover(nest: Primitive, found: PerfectNest) -> None:
    for own, access in zip(_own_accesses(nest), found.accesses, strict=True):
        copies = len(access.indices) - len(own.indices)
        access = replace(access, indices=access.indices[copies:])
        assert _touched(own, dict(nest.extents)) <= _touched(access, dict(found.loops))


def test_a_single_iteration_has_no_loops() -> None:
    nest = loop_nest(primitive_from(matmul(m=1, n=1, k=1))).nest
    assert nest_of_tree(lowered(nest, scalar_schedule(nest))).loops == ()


def test_several_statements_are_refused() -> None:
    nest = loop_nest(primitive_from(SCANS)).nest
    with pytest.raises(
        ProblemError, match=r"scans: reuse is analysed for one statement, this .* 2"
    ):
        nest_of_tree(lowered(nest, scalar_schedule(nest)))
    chain = loop_nest(primitive_from(OPERATORS["chain"])).nest
    analysed = nest_of_tree(lowered(chain, scalar_schedule(chain)))
    assert [access.tensor for access in analysed.accesses] == ["c", "a", "b"]
