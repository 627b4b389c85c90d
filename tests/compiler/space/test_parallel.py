"""Which loops threads share: the output's, or where they are few a reduction's with copies."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.cost.roofline import Roofline
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from compiler.space.parallel import with_parallel, with_private
from tests.compiler.machines import AVX512
from tests.compiler.problem.operators import BACKWARD_WEIGHTS, matmul, shipped

TILE = "broadcast/vector:n.16/tile:n.1+m.6"


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


def _pieces(schedule: Schedule) -> tuple[str, str, str]:
    band = schedule.band
    blocks = "+".join(f"{name}.{size}" for name, size in band.block)
    return "+".join(band.order), blocks, "+".join(band.parallel)


@pytest.mark.parametrize(
    ("sizes", "order", "threads", "found"),
    [
        ((6, 16, 4096), "m+n+k", 1, []),
        ((6, 16, 4096), "m+n+k", 2, [("k@1+m+n+k", "k@1.2048", "k@1")]),
        ((6, 16, 4096), "m+n+k", 3, [("k@1+m+n+k", "k@1.1376", "k@1")]),  # whole lines
        ((6, 16, 100), "m+n+k", 2, []),  # too short a sum
        # three tiles for four threads: copies for all, or two of each tile
        ((18, 16, 4096), "m+n+k", 4,
         [("k@1+m+n+k", "k@1.1024", "k@1"), ("k@1+m+n+k", "k@1.2048", "k@1+m+n")]),
        ((48, 16, 4096), "m+n+k", 2, []),  # eight tiles
    ],
)  # fmt: skip
def test_pieces_of_a_reduction_where_the_output_has_few(
    sizes: tuple[int, int, int], order: str, threads: int, found: list[tuple[str, str, str]]
) -> None:
    m, n, k = sizes
    nest = _nest(matmul(m=m, n=n, k=k))
    schedules = list(with_private(nest, parse_schedule(f"{TILE}/order:{order}"), threads))
    assert [_pieces(schedule) for schedule in schedules] == found
    for schedule in schedules:
        (private,) = schedule.band.private
        assert private == ("c", schedule.band.order[0])
        assert by_isl(fitted(nest, schedule)) is None


def test_a_cut_reduction_is_left_as_it_is() -> None:
    nest = _nest(matmul(m=6, n=16, k=4096))
    cut = parse_schedule(f"{TILE}/order:k@1+m+n+k/block:k@1.256")
    assert list(with_private(nest, cut, 2)) == []
    assert with_parallel(nest, cut, 2).band.parallel == ()  # of one piece


def test_pieces_hold_the_blocks_inside() -> None:
    nest = _nest(shipped("conv2d", ic=1024, oc=16, ih=3, iw=3, kh=1, kw=1, pad_h=0, pad_w=0))
    line = (
        "broadcast/vector:oc.16/tile:oc.1+oh_ow.9/order:oc+oh_ow+ic@1+ic/block:ic@1.64"
        "/layout:data.aBc64b+out.aBc16b+weight.ABcd64b16a"
    )
    (found, *_) = with_private(nest, parse_schedule(line), 3)
    assert _pieces(found) == ("ic@2+oc+oh_ow+ic@1+ic", "ic@1.64+ic@2.384", "ic@2")


SMALL = (
    matmul(m=4, n=16, k=1 << 15),
    {"name": "maximum", "sizes": {"k": 1 << 18}, "tensors": {"x": ["k"], "y": [1]},
     "statements": ["y[0] = max(y[0], x[k])"]},
    {**BACKWARD_WEIGHTS, "sizes": {**BACKWARD_WEIGHTS["sizes"], "n": 32, "ic": 1, "oc": 16,
                                   "ih": 28, "iw": 28}},
)  # fmt: skip


@pytest.mark.parametrize("spec", SMALL, ids=lambda spec: spec["name"])
def test_the_first_choice_for_a_tiny_output_sums_in_copies(spec: dict[str, Any]) -> None:
    nest = _nest(spec)
    model = Roofline(nest, AVX512)
    best = min(candidates(nest, AVX512, 2), key=lambda s: model.estimate(s, 2).seconds)
    assert best.band.private
    assert not any(schedule.band.private for schedule in candidates(nest, AVX512))


def test_what_follows_runs_after_the_copies_are_combined() -> None:
    spec = shipped("matmul_bias_gelu", m=4, n=16, k=1 << 15)
    nest = _nest(spec)
    private = [s for s in candidates(nest, AVX512, 2) if s.bands[0].private]
    assert private
    for schedule in private:
        assert len(schedule.bands) == len(nest.statements)
        assert by_isl(fitted(nest, schedule)) is None


@pytest.mark.parametrize(
    "spec",
    [
        shipped("eltwise_relu", m=8, n=64),
        shipped("softmax", m=4, n=64),
        shipped("depthwise_conv2d", c=16, ih=7, iw=7),
        matmul(m=64, n=64, k=64),
    ],
    ids=lambda spec: str(spec["name"]),
)
def test_what_is_done_before_threads_wake_is_left_to_one(spec: dict[str, Any]) -> None:
    nest = _nest(spec)
    model = Roofline(nest, AVX512)
    found = candidates(nest, AVX512, threads=2)
    assert any(band.parallel for schedule in found for band in schedule.bands)
    best = min(found, key=lambda schedule: model.estimate(schedule, 2).seconds)
    assert not any(band.parallel for band in best.bands)
    assert best in candidates(nest, AVX512)


def test_a_short_band_beside_a_long_one_is_left_to_one() -> None:
    nest = _nest(shipped("global_avg_pool2d", c=3, ih=224, iw=224))
    found = candidates(nest, AVX512, threads=2)
    assert any(schedule.bands[0].parallel for schedule in found)
    for schedule in found:
        _, *short = schedule.bands
        assert not any(band.parallel for band in short)


def test_what_is_long_is_shared_by_all() -> None:
    for schedule in candidates(_nest(shipped("eltwise_relu")), AVX512, threads=2):
        assert schedule.band.parallel
