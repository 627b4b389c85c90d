"""Reductions in a row, inside pieces of the last one: what is tried, chosen and computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler.cost.roofline import Roofline
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.space.pipelines import pipelines
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.machines import AVX2, AVX512
from tests.compiler.problem.lines import primitive_of
from tests.compiler.problem.operators import shipped

SMALL: dict[str, dict[str, int]] = {
    "inverted_residual": {"ic": 8, "c": 24, "ih": 9, "iw": 7},
    "inverted_bottleneck": {"ic": 8, "c": 16, "oc": 24, "ih": 9, "iw": 8},
    "depthwise_pointwise": {"c": 16, "oc": 24, "ih": 8, "iw": 9},
    "pointwise_depthwise": {"ic": 16, "c": 24, "ih": 9, "iw": 8},
    "conv2d_relu_max_pool2d": {"ic": 8, "oc": 16, "ih": 12, "iw": 12},
    "attention": {"heads": 2, "m": 24, "n": 32, "k": 16, "v": 16},
}
ODD: dict[str, dict[str, int]] = {  # what steps share ends amid a vector
    "matmul_layernorm": {"m": 5, "k": 12, "n": 21},
    "squeeze_excite": {"c": 21, "r": 5, "h": 3, "w": 7},
    "mlp": {"m": 5, "k": 12, "n": 21, "p": 19},
}
ROLLING = (
    "inverted_residual",
    "inverted_bottleneck",
    "pointwise_depthwise",
)  # neighbouring rows need the same ones
MLP: dict[str, Any] = {
    "name": "mlp",
    "sizes": {"m": 128, "k": 768, "h": 3072, "n": 768},
    "tensors": {
        "x": ["m", "k"],
        "w": ["k", "h"],
        "t": ["m", "h"],
        "v": ["h", "n"],
        "y": ["m", "n"],
    },
    "constant": ["w", "v"],
    "temporary": ["t"],
    "plain": ["x", "y"],
    "statements": [
        "t[m,h] += x[m,k] * w[k,h]",
        "t[m,h] = max(t[m,h], 0)",
        "y[m,n] += t[m,h] * v[h,n]",
    ],
}


def _inside(schedule: Schedule) -> int:
    return sum(len(band.attached) for band in schedule.bands)


def test_what_reads_beside_its_tile_is_a_step_of_its_own() -> None:
    shifted = primitive_of(
        {"i": 1000, "j": 3},
        {"x": ["i + 2*j"], "y": ["i"], "z": ["i"]},
        "y[i] += x[i + 2*j]",
        "z[i] = y[i] * y[i - 2]",
        outside={"y": 1},
    )
    nest = loop_nest(shifted).nest

    def model(own: Primitive) -> Callable[[Schedule], float]:
        return lambda schedule: Roofline(own, AVX512).estimate(schedule).seconds

    found = pipelines(nest, AVX512, 1, True, model)
    assert found and {len(schedule.bands) for schedule in found} == {2}


def test_what_is_tried_computes_what_its_statements_say(tmp_path: Path) -> None:
    cases: list[Case] = []
    for number, (name, sizes) in enumerate(SMALL.items()):
        primitive = primitive_from(shipped(name, **sizes))
        found = ranked_schedules(primitive, AVX2, 1 + number % 2)
        inside = [one.schedule for one in found if _inside(one.schedule)]
        apart = [one.schedule for one in found if not _inside(one.schedule)]
        assert inside and apart, name
        kept = [one for one in inside if any(band.keep for band in one.bands)]
        assert bool(kept) == (name in ROLLING and number % 2 == 0), name
        for schedule in (inside[0], inside[-1], apart[0], *kept[:1]):
            tree = fitted(loop_nest(primitive).nest, schedule)
            assert by_isl(tree) is None and uncovered(tree) is None, str(schedule)
            cases.append((primitive, schedule))
    check_cases(cases, tmp_path, "pipelines")


def test_rows_that_end_amid_a_vector_are_handed_on(tmp_path: Path) -> None:
    cases: list[Case] = []
    for name, sizes in ODD.items():
        primitive = primitive_from(shipped(name, **sizes))
        found = [one.schedule for one in ranked_schedules(primitive, AVX2)]
        inside = [schedule for schedule in found if _inside(schedule)]
        assert inside, name
        cases += [(primitive, schedule) for schedule in (found[0], inside[0], inside[-1])]
    check_cases(cases, tmp_path, "odd")


def test_a_product_of_odd_rows_costs_what_one_of_whole_vectors_does() -> None:
    whole, odd = (
        ranked_schedules(primitive_from(shipped("mlp", n=n)), AVX512)[0] for n in (1008, 1000)
    )
    assert [band.scheme for band in odd.schedule.bands] == ["broadcast", "broadcast"]
    assert whole.seconds and odd.seconds and odd.seconds < 1.05 * whole.seconds


@pytest.mark.parametrize("name", SMALL)
def test_steps_are_inside_where_intermediates_are_large(name: str) -> None:
    primitive = primitive_from(shipped(name))
    best = ranked_schedules(primitive, AVX512)[0].schedule
    assert _inside(best) == len(best.bands) - 1 > 0, str(best)
    tree = fitted(loop_nest(primitive).nest, best)
    intermediates = {t.name for t in primitive.tensors if t.role == "temporary"}
    assert {stage.tensor for stage in tree.stages} <= intermediates
    assert tree.stages


def test_steps_are_apart_where_that_loses_nothing() -> None:
    assert not _inside(ranked_schedules(primitive_from(MLP), AVX512)[0].schedule)
    tiny = primitive_from(shipped("inverted_residual", ic=160, c=960, ih=7, iw=7))
    assert not _inside(ranked_schedules(tiny, AVX512)[0].schedule)


def test_nothing_is_inside_without_fusion() -> None:
    found = ranked_schedules(primitive_from(shipped("depthwise_pointwise")), AVX512, fuse=False)
    assert not any(_inside(one.schedule) for one in found)
    assert not any(band.fusion for one in found for band in one.schedule.bands)
