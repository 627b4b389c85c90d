"""The closed form of working sets: the paper's numbers, enumeration and isl on random nests."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from compiler.cost.analysed_nest import analysed_parallel, nest_of_tree
from compiler.cost.carried_sums import TooManyMoves, carried_sum
from compiler.cost.working_sets import WorkingSets, working_sets
from compiler.errors import ScheduleError
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.model.perfect_nest import PerfectNest, nest_of_order
from compiler.model.reuse import isl_working_sets
from compiler.problem.primitive import Access, Affine
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from tests.compiler.brute_force_reuse import brute_force_working_sets, random_nest
from tests.compiler.cost.random_windows import random_window
from tests.compiler.machines import AVX2
from tests.compiler.model.blocked import BLOCKED_CONV2D, GOLDEN, TILED_ORDER, matmul_tiles
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule


def _pairs(number: int) -> tuple[tuple[int, int], ...]:
    return tuple((least, most) for least, most in GOLDEN["pairs"][number]["min_max"])


def test_the_golden_nests() -> None:
    product = primitive_from(matmul(m=300, n=100, k=200))
    assert working_sets(nest_of_order(product, "mnk", {})) == _pairs(0)
    blocked = primitive_from(BLOCKED_CONV2D)
    assert working_sets(nest_of_order(blocked, GOLDEN["pairs"][1]["order"], {})) == _pairs(1)


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_parallel_products(case: int) -> None:
    product = primitive_from(matmul(m=1024, n=16, k=500000))
    tiles = matmul_tiles(GOLDEN["parallel"][case]["tiles"])
    pairs = working_sets(nest_of_order(product, TILED_ORDER, tiles), "m@2")
    assert pairs[-1] == (512016128, 512016128)
    assert 4 * (pairs[-1][1] + pairs[-2][1]) == GOLDEN["parallel"][case]["bytes"]["memory"]


@pytest.mark.parametrize("make", [random_nest, random_window])
@pytest.mark.parametrize("seed", range(60))
def test_random_nests_match_the_enumeration(
    seed: int, make: Callable[[Random, int], PerfectNest]
) -> None:
    random = Random(seed)
    nest = make(random, 300)
    parallel = random.choice([None, *(loop for loop, _ in nest.loops)])
    assert working_sets(nest, parallel) == brute_force_working_sets(nest, parallel)


@pytest.mark.parametrize("seed", range(12))
def test_random_schedules_match_isl(seed: int) -> None:
    random = Random(seed)
    specs: list[dict[str, Any]] = [
        conv2d(n=2, ic=6, oc=8, ih=9, iw=7, stride=random.choice([1, 2])),
        matmul(m=12, n=9, k=20),
        *(OPERATORS[name] for name in ("batched", "depthwise", "backward_weights", "grouped")),
    ]
    nest = loop_nest(primitive_from(random.choice(specs))).nest
    analysed = nest_of_tree(lowered(nest, random_schedule(nest, random)))
    assert working_sets(analysed) == isl_working_sets(analysed)


def test_what_is_shared_between_nests_changes_nothing() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=32, oc=32, ih=14, iw=14))).nest
    analysis = WorkingSets()
    schedules = Random(0).sample(candidates(nest, AVX2, 4), 40)
    for schedule in schedules:
        analysed = nest_of_tree(lowered(nest, schedule))
        parallel = analysed_parallel(analysed, lowered(nest, schedule))
        assert parallel is not None
        assert analysis.of(analysed, parallel) == working_sets(analysed, parallel)
        assert analysis.of(analysed) == working_sets(analysed)


def test_layers_match_isl() -> None:
    """Sizes as in use, on which enumeration would take forever."""
    nest = loop_nest(primitive_from(conv2d(ic=64, oc=128, ih=28, iw=28, stride=2))).nest
    for schedule in Random(1).sample(candidates(nest, AVX2), 3):
        analysed = nest_of_tree(lowered(nest, schedule))
        assert working_sets(analysed) == isl_working_sets(analysed)


def _flipped(coefficient: int) -> PerfectNest:
    """`out[i] += data[j, coefficient*k + i]`."""
    data = Access("data", (Affine((("j", 1),)), Affine((("i", 1), ("k", coefficient)))))
    loops = (("i", 4), ("j", 3), ("k", 3))
    return PerfectNest(loops, (Access("out", (Affine((("i", 1),)),)), data))


def _diagonal() -> PerfectNest:
    """`out[i] += data[i, i + j]`: one loop in two dimensions."""
    data = Access("data", (Affine((("i", 1),)), Affine((("i", 1), ("j", 1)))))
    return PerfectNest((("j", 3), ("i", 4)), (Access("out", (Affine((("i", 1),)),)), data))


@pytest.mark.parametrize(
    "nest",
    [
        _flipped(-1),
        _diagonal(),
        nest_of_order(primitive_from(OPERATORS["recurrence"]), "ti", {}),
        nest_of_order(primitive_from(matmul(m=5, n=4, k=7)), ["m", "k@1", "n", "k"], {"k": 3}),
    ],
    ids=["negative", "diagonal", "recurrence", "short tile"],
)
def test_what_the_closed_form_does_not_cover(nest: PerfectNest) -> None:
    found = working_sets(nest)
    assert found == brute_force_working_sets(nest)
    assert found


def test_long_windows_go_to_isl() -> None:
    """An index of three loops with more moves than the closed form tries."""
    with pytest.raises(TooManyMoves):
        carried_sum(((1, 160), (1, 160), (1, 160)))
    index = Affine((("i", 1), ("j", 1), ("k", 1)))
    loops = (("j", 160), ("k", 160), ("i", 160))
    nest = PerfectNest(loops, (Access("out", (Affine((("i", 1),)),)), Access("data", (index,))))
    assert working_sets(nest) == isl_working_sets(nest)


def test_nothing_is_reused_in_a_single_iteration() -> None:
    assert working_sets(PerfectNest((), (Access("out", ()), Access("data", (Affine(),))))) == ()
    single = PerfectNest((("once", 1),), (Access("out", ()),))
    assert working_sets(single) == ()
    assert working_sets(single, "once") == ()


def test_an_unknown_parallel_loop_is_refused() -> None:
    with pytest.raises(ScheduleError, match="parallel loop 'z' is not in the order i, j, k"):
        working_sets(_flipped(1), "z")
