"""Lanes across a reduction: where they are tried, in which order and register tiles."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import loop_of
from compiler.space.candidates import candidates, fetched_ahead
from compiler.space.dot_schedules import dot_bands, dot_order, dot_schedules, lanes_last
from compiler.space.parallel import MOST_WAKES, wakes
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import conv2d, matmul


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


@pytest.mark.parametrize("machine", [NEON, AVX2, AVX512], ids=lambda machine: machine.name)
def test_no_sum_waits_for_itself(machine: Architecture) -> None:
    """One output point or many: as many accumulators as hide the latency, and no more than fit."""
    wanted = machine.fma_latency * machine.fma_per_cycle
    for m, k in ((1, 4096), (3, 2000), (2048, 128)):
        found = dot_schedules(_nest(matmul(m=m, n=1, k=k)), machine, 1)
        assert found
        for schedule in found:
            sums = schedule.band.tile_of("k") * schedule.band.tile_of("m")
            assert wanted <= sums < machine.vector_registers


def test_a_short_reduction_has_what_there_is() -> None:
    nest = _nest(matmul(m=1, n=1, k=20))
    assert {s.band.tile_of("k") for s in dot_schedules(nest, AVX512, 1)} == {2}
    assert not dot_schedules(_nest(matmul(m=9, n=1, k=7)), AVX512, 1)


def test_vectors_that_serve_many_points_are_left_to_the_output() -> None:
    assert not dot_schedules(_nest(conv2d(ic=64, oc=64, ih=14, iw=14)), AVX512, 1)
    assert not dot_schedules(_nest(matmul(m=64, n=64, k=64)), AVX512, 1)
    rows = {**matmul(m=64, n=64, k=64), "stored": {"b": [1, 0]}, "constant": []}
    found = dot_schedules(_nest(rows), AVX512, 1)  # rows times rows: neither is along the output
    assert any(s.band.tile_of("m") > 1 < s.band.tile_of("n") for s in found)


def test_the_largest_operand_is_read_in_its_order() -> None:
    nest = _nest({
        "name": "planes",
        "sizes": {"i": 3, "j": 20, "p": 4, "k": 33},
        "tensors": {"x": ["j", "p", "i", "k"], "w": ["k"], "y": ["i", "j"]},
        "statements": ["y[i,j] += x[j,p,i,k] * w[k]"],
    })  # fmt: skip
    statement = nest.statements[0]
    assert dot_order(nest, statement, "k", ()) == ("j", "i", "p", "k")
    assert {s.band.order for s in dot_schedules(nest, AVX2, 1)} == {("j", "i", "p", "k")}


def test_constants_and_free_tensors_lie_along_the_lanes() -> None:
    nest = _nest(conv2d(ic=24, oc=1, ih=6, iw=6))
    assert lanes_last(nest, nest.statements[0], "ic") == (("data", "acdb"), ("weight", "acdb"))
    nest = _nest(matmul(m=4, n=3, k=64))
    assert lanes_last(nest, nest.statements[0], "k") == (("b", "ba"),)


def test_threads_share_the_output_alone() -> None:
    for schedule in dot_schedules(_nest(matmul(m=64, n=1, k=64)), AVX512, 2):
        assert schedule.band.parallel == ("m",)
    for schedule in dot_schedules(_nest(matmul(m=1, n=1, k=64)), AVX512, 2):
        assert schedule.band.parallel == ()


def test_a_band_around_an_anchor() -> None:
    nest = _nest(matmul(m=5, n=1, k=100))
    (band,) = dot_bands(nest, 16, (), AVX512)
    assert band.order == ("m", "k") and band.vector == ("k", 16)
    assert dict(band.tile) == {"k": 4, "m": 2}  # 7 vectors, 4 + 3


ROWS = {"x": ["m", "n"], "y": ["m", "n"], "e": ["m", "n"], "t": ["m"], "s": ["m"]}
SOFTMAX = [
    "t[m] = max(t[m], x[m,n])",
    "e[m,n] = exp(x[m,n] - t[m])",
    "s[m] += e[m,n]",
    "y[m,n] = e[m,n] / s[m]",
]
NORM = [
    "t[m] += x[m,n]",
    "t[m] = t[m] / n",
    "s[m] += (x[m,n] - t[m]) * (x[m,n] - t[m])",
    "s[m] = 1 / sqrt(s[m] / n + 0.00001)",
    "y[m,n] = (x[m,n] - t[m]) * s[m]",
]


@pytest.mark.parametrize("statements", [SOFTMAX, NORM], ids=["softmax", "layer norm"])
def test_rows_are_on_vectors_throughout(statements: list[str]) -> None:
    used = {name: shape for name, shape in ROWS.items() if f"{name}[" in " ".join(statements)}
    spec = {
        "name": "rows",
        "sizes": {"m": 12, "n": 200},
        "tensors": used,
        "statements": statements,
        "temporary": [name for name in used if name not in "xy"],
    }
    best = ranked_schedules(primitive_from(spec), AVX512)[0].schedule
    assert {band.scheme for band in best.bands} == {"dot", "lanes"}
    assert sum(band.scheme == "dot" for band in best.bands) == 2


def test_the_wide_side_of_a_vector_times_a_matrix() -> None:
    for sizes, vector in (({"m": 1, "n": 512}, "n"), ({"m": 512, "n": 1}, "k")):
        problem = primitive_from(matmul(**sizes, k=256))
        assert ranked_schedules(problem, AVX512)[0].schedule.band.vector == (vector, 16)


def test_either_way_round_and_transposed() -> None:
    """The vector loop follows the matrix in memory; few of its rows pass at a time."""
    tall = {**matmul(m=4096, n=1, k=4096), "stored": {"a": [1, 0]}}
    wide = {**matmul(m=1, n=4096, k=4096), "constant": []}
    for spec, loop in ((tall, "m"), (wide, "n")):
        best = ranked_schedules(primitive_from(spec), AVX512)[0].schedule.band
        assert (best.scheme, best.vector) == ("pixels", (loop, 16))
        assert best.order.index(loop) > 0 and loop_of(best.order[0]) == "k"


def test_a_large_matrix_is_fetched_ahead() -> None:
    nest = _nest(matmul(m=4096, n=1, k=4096))
    first = dot_schedules(nest, AVX512, 1)[0]
    ahead = fetched_ahead(nest, first, AVX512)
    assert ahead is not None and ahead.band.prefetch > 0
    assert first == ahead.with_band(prefetch=0)
    small = _nest(matmul(m=64, n=1, k=64))
    assert fetched_ahead(small, dot_schedules(small, AVX512, 1)[0], AVX512) is None


def test_threads_are_not_woken_for_every_few_rows() -> None:
    wide = _nest({**matmul(m=1, n=4096, k=4096), "constant": []})
    found = candidates(wide, AVX512, 2)
    assert any(loop_of(s.band.order[0]) == "n" and "k@1" in s.band.order for s in found)
    assert max(wakes(wide, schedule) for schedule in found) <= MOST_WAKES
    first = candidates(wide, AVX512, 1)[0]
    assert not first.band.parallel and wakes(wide, first) == 0
