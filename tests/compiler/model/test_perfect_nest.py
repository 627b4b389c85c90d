"""From an order and tiles to a perfect nest, and what is refused."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.model.perfect_nest import PerfectNest, nest_of_order
from compiler.problem.primitive import Access, Affine
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import RECURRENCE, SCATTER, conv2d, matmul


def _elements(nest: PerfectNest, access: Access) -> list[tuple[int, ...]]:
    """What one access touches, in order of the nest."""
    names = [name for name, _ in nest.loops]
    points = [
        dict(zip(names, x, strict=True))
        for x in product(*(range(extent) for _, extent in nest.loops))
    ]
    kept = [p for p in points if all(index.at(p) < size for index, size in nest.limits)]
    return [tuple(index.at(p) for index in access.indices) for p in kept]


def test_the_loops_of_a_primitive_are_its_own() -> None:
    primitive = primitive_from(conv2d(ic=8, stride=2))
    nest = nest_of_order(primitive, ("ow", "ic", "n", "oc", "oh", "kw", "kh"), {})
    assert nest.loops[:4] == (("ow", 4), ("ic", 8), ("n", 1), ("oc", 5))
    out, data, weight = nest.accesses
    assert (out.tensor, data.tensor, weight.tensor) == ("out", "data", "weight")
    assert data.indices[2] == Affine((("kh", 1), ("oh", 2)), -1)
    assert not nest.limits


def test_a_tile_becomes_a_loop() -> None:
    primitive = primitive_from(matmul(m=12, n=2, k=3))
    nest = nest_of_order(primitive, ("m@2", "n", "m@1", "k", "m"), {"m@2": 6, "m": 2})
    assert nest.loops == (("m@2", 2), ("n", 2), ("m@1", 3), ("k", 3), ("m", 2))
    assert nest.accesses[0].indices[0] == Affine((("m", 1), ("m@1", 2), ("m@2", 6)))
    assert sorted(set(_elements(nest, nest.accesses[0]))) == list(product(range(12), range(2)))


def test_a_last_tile_may_be_short() -> None:
    primitive = primitive_from(matmul(m=7, n=2, k=3))
    nest = nest_of_order(primitive, ("m@1", "n", "m", "k"), {"m@1": 3})
    assert nest.limits == ((Affine((("m", 1), ("m@1", 3))), 7),)
    elements = _elements(nest, nest.accesses[0])
    assert len(elements) == 7 * 2 * 3
    assert set(elements) == set(product(range(7), range(2)))


def test_a_loop_of_one_iteration_may_be_left_out() -> None:
    nest = nest_of_order(primitive_from(matmul(m=1, n=2, k=3)), ("k", "n"), {})
    assert nest.loops == (("k", 3), ("n", 2))
    assert nest.accesses[0].indices == (Affine(), Affine((("n", 1),)))


@pytest.mark.parametrize(
    ("order", "tiles", "told"),
    [
        ("m n", {}, "matmul: order: loop 'k' is missing"),
        ("m n k q", {}, "order: unknown loop 'q'; known: m, n, k"),
        ("m n k m", {}, "order: a level of 'm' stands there twice"),
        ("m m@1 n k", {"m": 2}, "'m' must stand inside its tile loops"),
        ("m@1 m@2 m n k", {"m@1": 2, "m@2": 4}, "'m' must stand inside its tile loops"),
        ("m@1 n k", {"m": 2}, "order: loop 'm' is missing"),
        ("m@0 m n k", {}, "'m@0' is no level; expected LOOP or LOOP@1 to LOOP@9"),
        ("m@12 m n k", {}, "'m@12' is no level"),
        ("m@1 m n k", {}, "tiles: level 'm@1' has no size"),
        ("m n k", {"m": 2}, "tiles: the order has no level 'm@1'"),
        ("m@1 m n k", {"m": 2, "m@1": 2}, "tiles: 'm@1' is given twice"),
        ("m@1 m n k", {"m": 9}, "tiles: m: must be 1 to 8, its loop, got 9"),
        ("m@1 m n k", {"m": 0}, "tiles: m: must be 1 to 8, its loop, got 0"),
        ("m@2 m@1 m n k", {"m@2": 4, "m@1": 3}, "tile m@1: 3 does not divide 4 around it"),
    ],
)
def test_what_does_not_fit_is_refused(order: str, tiles: dict[str, int], told: str) -> None:
    with pytest.raises(ScheduleError, match=told):
        nest_of_order(primitive_from(matmul(m=8, n=5, k=6)), order.split(), tiles)


@pytest.mark.parametrize(
    ("spec", "order", "tiles", "told"),
    [
        (RECURRENCE, "i t", {}, r"recurrence: order: loop i runs .* backwards \(RAW y\[t, i\]\)"),
        (RECURRENCE, "i@1 t i", {"i": 3}, r"loop i runs a dependence backwards"),
        (SCATTER, "j i", {}, r"loop j runs a dependence backwards \(WAW y\[i \+ j\]\)"),
    ],
)
def test_a_broken_dependence_is_named(
    spec: dict[str, Any], order: str, tiles: dict[str, int], told: str
) -> None:
    with pytest.raises(ScheduleError, match=told):
        nest_of_order(primitive_from(spec), order.split(), tiles)


def test_orders_that_keep_the_dependences() -> None:
    nest = nest_of_order(primitive_from(RECURRENCE), ("t@1", "t", "i"), {"t": 2})
    assert [name for name, _ in nest.loops] == ["t@1", "t", "i"]
    nest_of_order(primitive_from(matmul()), ("k", "n", "m"), {})  # a sum runs in any order
