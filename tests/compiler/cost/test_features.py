"""Every feature of a schedule against what stands in its line, and between machines."""

from __future__ import annotations

from dataclasses import replace
from math import log, log1p, log2

import numpy as np
import pytest

from compiler.cost.features import DESCRIBED, FEATURES, LARGEST, PAPER, FeatureRows
from compiler.cost.ranking import held_bytes
from compiler.cost.roofline import Roofline
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.machines import AVX2, AVX512, MACHINES
from tests.compiler.problem.operators import conv2d, matmul, shipped

TEXT = (
    "broadcast/vector:oc.16/tile:oc.2+ow.5/order:oc+oh+ow+ic@1+kh+kw+ic/block:ic@1.32"
    "/layout:data.aBcd32b+out.aBcd16b+weight.ABcd32b16a/unroll:4"
)


def nest_of(**sizes: int) -> Primitive:
    return loop_nest(primitive_from(conv2d(**sizes))).nest


def seen(text: str, nest: Primitive, machine: Architecture = AVX512) -> dict[str, float]:
    names = tuple(FEATURES)
    (row,) = FeatureRows(nest, machine, 1).of([parse_schedule(text)], names)
    return dict(zip(names, row.tolist(), strict=True))


def test_a_schedule_by_hand() -> None:
    nest = nest_of(ic=64, oc=40, ih=12, iw=12)  # 12 columns as 4+4+4, 3 vectors of oc as 2+1
    found = seen(TEXT, nest)
    schedule = parse_schedule(TEXT)
    for level, size in held_bytes(nest, [schedule], AVX512)[schedule].items():
        assert found[f"log {level} bytes"] == log1p(size)
    model = Roofline(nest, AVX512)
    estimate = model.estimate(schedule)
    peak = nest.flops / (2 * 2 * 16 * model.hertz)
    assert found["log estimate"] == pytest.approx(log(estimate.seconds / peak))
    assert found["log compute"] == pytest.approx(log(estimate.parts["compute"] / peak))
    assert found["L2 share"] == pytest.approx(estimate.parts["L2"] / estimate.seconds)
    assert found["log vectors"] == 1 and found["log points"] == 2
    assert found["registers"] == (8 + 2 + 1) / 32
    assert found["latency hidden"] == 8 / (4 * 2)
    assert found["load bound"] == ((4 + 2) / 2) / (8 / 2)
    assert found["lanes used"] == 40 / 48
    assert found["even tiles"] == 3 / 4  # of vectors; columns divide
    assert found["tiled loops"] == 1
    assert found["log steps"] == log2(64 * 9) and found["log visits"] == 0
    assert found["log inner trips"] == 5 and found["log unroll"] == 2
    assert found["vector operand onwards"] == 1  # a vector of 16 to the next ic
    assert found["broadcast operand onwards"] == log2(1 + 4 / 64)
    assert found["broadcast operand apart"] == log2(1 + 32 * 4 / 64)
    assert found["target apart"] == 1 and found["packed"] == 0
    assert found["vector loop depth"] == 0
    assert not any(found[f"form {form}"] for form in ("pixels", "lanes", "dot", "scalar"))


def test_what_a_line_changes_is_seen() -> None:
    nest = nest_of(ic=64, oc=40, ih=12, iw=12)
    before = seen(TEXT, nest)
    other = TEXT.replace("oc+oh+ow+ic@1+kh+kw+ic", "ic@1+oh+ow+oc+kh+kw+ic")
    moved = seen(other.replace("out.aBcd16b+", ""), nest)
    assert moved["log visits"] == 1 and moved["log steps"] == before["log steps"] - 1
    assert moved["vector loop depth"] == 1
    assert moved["target next"] > before["target next"] - 1 and moved["target apart"] < 1
    assert seen(TEXT + "/nontemporal:1/prefetch:2048", nest)["nontemporal"] == 1


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_feature_of_every_form_is_a_number(machine: Architecture) -> None:
    specs = (matmul(m=1, n=64, k=96), matmul(m=24, n=40, k=16), conv2d(ic=3, oc=8, ih=9, iw=9))
    for spec in specs:
        primitive = primitive_from(spec)
        nest = loop_nest(primitive).nest
        schedules = [ranked.schedule for ranked in ranked_schedules(primitive, machine)][:40]
        rows = FeatureRows(nest, machine, 1).of(schedules, tuple(FEATURES))
        assert rows.shape == (len(schedules), len(FEATURES))
        assert np.isfinite(rows).all() and (abs(rows) < LARGEST).all()


@pytest.mark.parametrize(
    "name", ["softmax", "depthwise_pointwise", "conv2d_bn_relu", "residual_relu"]
)
def test_bands_inside_others_and_fused_ones_have_them_too(name: str) -> None:
    primitive = primitive_from(shipped(name))
    nest = loop_nest(primitive).nest
    schedules = [ranked.schedule for ranked in ranked_schedules(primitive, AVX512, limit=12)]
    rows = FeatureRows(nest, AVX512, 2).of(schedules, tuple(FEATURES))
    assert np.isfinite(rows).all() and (abs(rows) < LARGEST).all()


def test_a_faster_clock_changes_nothing() -> None:
    """All ceilings twice as high: the same picture."""

    def machine(factor: float) -> Architecture:
        caches = tuple(replace(one, bandwidth=100.0 * factor) for one in AVX2.caches)
        return replace(AVX2, peak=50.0 * factor, memory_bandwidth=10.0 * factor, caches=caches)

    nest = nest_of(ic=64, oc=40, ih=12, iw=12)
    text = TEXT.replace("oc.16", "oc.8").replace("16a", "8a").replace("16b", "8b")
    assert seen(text, nest, machine(1)) == pytest.approx(seen(text, nest, machine(2)))


def test_the_papers_are_apart() -> None:
    assert not set(PAPER) & set(DESCRIBED) and len(PAPER) == 4
