"""The paper's orders and tilings, spelled out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.legality import structural
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.paper_variants import paper_variants
from tests.compiler.machines import AVX2, AVX512, MACHINES
from tests.compiler.problem.operators import DEPTHWISE, MAX_POOL, conv2d, matmul

LAYER = conv2d(ic=256, oc=256, ih=28, iw=28)
POINTWISE = conv2d(ic=128, oc=64, ih=14, iw=14, kh=1, kw=1, pad_h=0, pad_w=0)
STEM = conv2d(n=4, ic=3, oc=24, ih=16, iw=16, kh=7, kw=7, pad_h=3, pad_w=3, stride=2)
PRODUCT = matmul(m=64, n=64, k=64)


def variants(spec: dict[str, Any], threads: int = 1) -> tuple[Primitive, tuple[Schedule, ...]]:
    model = loop_nest(primitive_from(spec))
    return model.nest, paper_variants(model, AVX512, threads)


def orders(found: tuple[Schedule, ...]) -> list[str]:
    return ["+".join(schedule.band.order) for schedule in found]


def test_the_untiled_orders_of_a_layer() -> None:
    _, found = variants(LAYER)
    assert orders(found[:4]) == [
        "oc@1+ic@1+oh+kh+kw+ow+oc+ic",
        "oh+kh+kw+oc@1+ic@1+ow+oc+ic",
        "oc@1+kh+kw+ic@1+oh+ow+oc+ic",
        "ic@1+kh+kw+oh+oc@1+ow+oc+ic",
    ]
    first = found[0]
    assert dict(first.layout) == {"data": "aBcd64b", "out": "aBcd64b", "weight": "ABcd64b64a"}
    assert (first.band.vector, first.band.tile) == (("oc", 16), (("oc", 2), ("ow", 14)))
    assert first.band.block == (("oc@1", 2), ("ic@1", 64))
    assert first.band.microkernel == "product" and parse_schedule(str(first)) == first


def test_the_tiled_orders_of_a_layer() -> None:
    """Rows and columns in 28, 14, 7; channels of either side in 64, 128, 256."""
    _, found = variants(LAYER)
    assert {
        "oc@2+ic@2+oh@1+oc@1+ic@1+oh+ow@1+kh+kw+ow+oc+ic",
        "oc@2+oh@1+oh+ow@1+oc@1+ic@2+ic@1+kh+kw+ow+oc+ic",
    } <= set(orders(found))
    assert {
        (s.band.block_of("oh@1"), (s.band.block_of("ow@1") or 0) * s.band.tile_of("ow"))
        for s in found
    } == {(rows, columns) for rows in (None, 7, 14) for columns in (0, 7, 14)}
    assert {s.band.block_of("ic@2") for s in found} == {None, 128}  # 64 is a block, 256 is all
    assert {(s.band.block_of("oc@2") or 0) * s.band.tile_of("oc") for s in found} == {
        0,
        8,
    }  # 128 of 16 lanes
    assert 4 < len(found) < 4 + 2 * 3**4  # tiles that cover all coincide with others


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine.name))
@pytest.mark.parametrize("spec", [LAYER, POINTWISE, STEM, PRODUCT])
def test_all_fit_and_leave_no_remainders(spec: dict[str, Any], machine: Any) -> None:
    model = loop_nest(primitive_from(spec))
    found = paper_variants(model, machine, 2)
    assert len(set(found)) == len(found) > 4
    for schedule in found:
        tree = fitted(model.nest, schedule)
        assert structural(tree) is None
        (path,) = tree.paths()
        for grain in path.leaf.grains:
            if grain.loop == schedule.band.order[-3]:  # the pixel loop of the product
                assert len(grain.runs) == 1


def test_a_coalesced_pixel_loop_keeps_rows_and_columns_apart() -> None:
    nest, found = variants(POINTWISE)
    assert nest.extent("oh_ow") == 196
    assert found[0].band.block_of("oh_ow@1") == 14 // found[0].band.tile_of("oh_ow")
    deepest = next(s for s in found if "oh_ow@3" in s.band.order)
    points = [
        deepest.band.tile_of("oh_ow") * (deepest.band.block_of(level) or 0)
        for level in deepest.band.order
        if level.startswith("oh_ow@")
    ]
    assert points in ([98, 14, 7],)


def test_channels_that_no_block_divides_are_padded() -> None:
    _, found = variants(STEM)
    assert dict(found[0].layout) == {"data": "aBcd16b", "out": "aBcd16b", "weight": "ABcd16b16a"}
    assert found[0].band.order[0] == "n"


def test_images_are_outermost_and_parallel() -> None:
    _, found = variants({**STEM, "sizes": {**STEM["sizes"], "n": 28}}, threads=7)
    assert all(schedule.band.parallel == ("n",) for schedule in found)


def test_a_matrix_product_has_two_levels_of_tiles() -> None:
    """Outer tiles of 16, 32, 64 with inner ones of 16, 32, 64: six pairs a loop."""
    _, found = variants(PRODUCT)
    deepest = "m@2+n@2+k@2+m@1+n@1+k@1+m+n+k"
    assert [s for s in found if "+".join(s.band.order) == deepest and s.band.block_of("k@2") == 32]
    assert len(found) <= 6**3
    whole = next(s for s in found if s.band.order == ("m", "n", "k"))
    assert whole.band.block == () and dict(whole.band.tile) == {"m": 4, "n": 4}


def test_a_size_that_no_tile_divides_is_one_tile() -> None:
    _, found = variants(matmul(m=35, n=50, k=48))
    assert set(orders(found)) == {"k@1+m+n+k"}
    assert dict(found[0].band.tile) == {"m": 5, "n": 4}


REFUSED = {
    "depthwise": (DEPTHWISE, "the paper's variants are of convolutions over channels and of"),
    "pooling": (MAX_POOL, "the paper's variants are of convolutions over channels and of"),
    "plain": ({**LAYER, "plain": ["data"]}, "its layout is fixed by the caller; use space=full"),
    "many": (
        matmul(m=2**14, n=2**14, k=2**14),
        "the paper's space has 27000 variants, 20000 are ranked; use space=full",
    ),
    "every other row": (
        {
            **matmul(m=64, n=1, k=16),
            "tensors": {"a": ["2*m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
            "statements": ["c[m,n] += a[2*m,k] * b[k,n]"],
        },
        "no layout makes the vectors of a product contiguous",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_variants_is_refused(name: str) -> None:
    spec, message = REFUSED[name]
    with pytest.raises(ScheduleError, match=re.escape(message)) as caught:
        paper_variants(loop_nest(primitive_from(spec)), AVX2)
    assert len(str(caught.value).splitlines()) == 1
