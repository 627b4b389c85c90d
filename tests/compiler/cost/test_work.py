"""Cycles of microkernels: what any count must satisfy, and cases small enough to do by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.cost.work import CALL_CYCLES, ENTRY_CYCLES, MOVE_CYCLES, SCALAR_CYCLES, Work
from compiler.lower.lowered import lowered
from compiler.lower.operands import operands
from compiler.lower.tree import Microkernel
from compiler.microkernel.contraction import contraction
from compiler.microkernel.register_tile import RegisterTile, joined
from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture, ProductRate
from compiler.problem.primitive import Primitive, operations_of
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.lines import primitive_of
from tests.compiler.problem.operators import conv2d, matmul, shipped


def _nest(**sizes: int) -> Primitive:
    return loop_nest(primitive_from(matmul(**sizes))).nest


def _cycles(
    nest: Primitive, schedule: Schedule, machine: Architecture = AVX2
) -> tuple[float, float]:
    tree = lowered(nest, schedule)
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    found = Work(machine).cycles(tree, path, path.leaf, contraction(nest, 0, path.leaf.vector))
    return found.compute, found.overhead


def test_a_product_by_hand() -> None:
    nest = _nest(m=12, n=32, k=20)
    tile = "broadcast/vector:n.8/tile:n.2+m.{}/order:n+m+k/layout:b.Ba8b"

    def step(points: int, vectors: int) -> float:
        return RegisterTile(points, vectors).cycles(AVX2)

    compute, overhead = _cycles(nest, parse_schedule(tile.format(6)))
    assert compute == pytest.approx(4 * 20 * step(6, 2))  # four tiles, twenty steps each
    assert overhead == 4 * (CALL_CYCLES + AVX2.drain_cycles + ENTRY_CYCLES)
    compute, overhead = _cycles(nest, parse_schedule(tile.format(4)))
    assert compute == pytest.approx(6 * 20 * step(4, 2))
    assert overhead == 6 * (CALL_CYCLES + ENTRY_CYCLES)  # as many as the latency needs: no drain
    compute, _ = _cycles(nest, parse_schedule(tile.format(2)))
    assert compute == pytest.approx(12 * 20 * step(2, 2))
    column = "broadcast/vector:n.8/tile:m.12/order:n+m+k/layout:b.Ba8b"
    compute, _ = _cycles(nest, parse_schedule(column))
    assert compute == pytest.approx(4 * 20 * step(12, 1))


def test_a_library_is_as_fast_as_it_was_measured_and_never_faster_than_its_best_cut() -> None:
    nest = _nest(m=24, n=32, k=20)
    tile = parse_schedule("broadcast/vector:n.8/tile:n.4+m.24/order:n+m+k/microkernel:libxsmm")
    unmeasured, _ = _cycles(nest, tile)
    slow = ProductRate("libxsmm", (0.5, 0.6, 0.7, 0.8), 55.0)
    compute, overhead = _cycles(nest, tile, replace(AVX2, products=(slow,)))
    assert compute == pytest.approx(20 * 24 * 4 / 0.8)  # steps of 24 rows of four vectors
    assert overhead == 55.0 + ENTRY_CYCLES
    quick = replace(slow, vectors_per_cycle=(9.0,) * 4)
    assert _cycles(nest, tile, replace(AVX2, products=(quick,)))[0] == unmeasured
    other = replace(slow, library="cblas")
    assert _cycles(nest, tile, replace(AVX2, products=(other,)))[0] == unmeasured


def test_a_cut_reduction_moves_its_accumulators() -> None:
    nest = _nest(m=12, n=32, k=20)
    whole = parse_schedule("broadcast/vector:n.8/tile:n.2+m.4/order:n+m+k/layout:b.Ba8b")
    cut = whole.with_band(order=("k@1", "n", "m", "k"), block=(("k@1", 10),))
    (compute, overhead), (same, more) = _cycles(nest, whole), _cycles(nest, cut)
    assert same == compute
    assert more == pytest.approx(2 * (overhead + 6 * 2 * 8 * MOVE_CYCLES))


def test_vectors_that_start_anywhere_load_more() -> None:
    spec = conv2d(n=1, ic=4, oc=8, ih=10, iw=34, pad_h=0, pad_w=0)
    nest = loop_nest(primitive_from(spec)).nest
    pixels = "pixels/vector:ow.8/tile:ow.1+oc.8/order:oh+oc+ow+ic+kh+kw/layout:weight.bcda"
    compute, _ = _cycles(nest, parse_schedule(pixels))
    steps = 8 * 4 * 4 * 9  # rows, vectors in a row, channels, taps
    tile = RegisterTile(8, 1)
    assert compute == pytest.approx(steps * tile.cycles(AVX2, unaligned=True))
    assert tile.cycles(AVX2, unaligned=True) > tile.cycles(AVX2)


def test_padding_is_not_computed() -> None:
    padded = loop_nest(primitive_from(conv2d(ic=16, oc=16, ih=8, iw=8))).nest
    inside = loop_nest(primitive_from(conv2d(ic=16, oc=16, ih=10, iw=10, pad_h=0, pad_w=0))).nest
    text = "broadcast/vector:oc.8/tile:oc.2+ow.4/order:oc+oh+ow+kh+kw+ic"
    schedule = parse_schedule(text)
    assert 0 < _cycles(padded, schedule)[0] < _cycles(inside, schedule)[0]


def test_what_is_cropped_is_not_computed() -> None:
    tensors = {"x": ["c", "h"], "w": ["c", "k", "a"]}
    sizes = {"k": 16, "h": 20, "a": 4, "c": 6}
    schedule = parse_schedule("lanes/vector:k.8/tile:h.5/order:k+a+h+c/layout:y.Ab8a+w.aBc8b")
    found = []
    for pad in (0, 1):
        line = f"y[k, 2*h + a - {pad}] += x[c,h] * w[c,k,a]"
        nest = loop_nest(primitive_of(sizes, {**tensors, "y": ["k", str(42 - 2 * pad)]}, line)).nest
        tree = lowered(nest, schedule)
        (path,) = tree.paths()
        assert isinstance(path.leaf, Microkernel)
        found.append(Work(AVX2).lane_sum(path.leaf, operands(tree, path.leaf)))
    whole, cropped = found
    assert cropped.compute == pytest.approx(whole.compute * 78 / 80)  # of 80, one at each end
    assert cropped.overhead == pytest.approx(whole.overhead * 78 / 80)


def test_lanes_across_a_reduction_by_hand() -> None:
    """Two rows at once, 4 vectors of 8 of each: 5 tiles of 20 of them, then 3 halvings a row."""
    nest = _nest(m=10, n=1, k=160)
    schedule = parse_schedule("dot/vector:k.8/tile:k.4+m.2/order:m+k")
    tree = lowered(nest, schedule)
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    found = Work(AVX2).lane_sum(path.leaf, operands(tree, path.leaf))
    loads = (2 * 4 + 4) / AVX2.loads_per_cycle
    step = joined(8 / AVX2.fma_per_cycle, loads, float(AVX2.fma_latency))
    assert found.compute == pytest.approx(5 * 5 * step)
    joining = 2 * (3 + 2 * 3) / AVX2.fma_per_cycle + (2 + 2 * 3) * AVX2.fma_latency
    assert found.overhead == pytest.approx(5 * (CALL_CYCLES + ENTRY_CYCLES + joining))


def test_what_follows_joined_lanes_works_on_numbers() -> None:
    nest = loop_nest(primitive_from(shipped("matmul_bias_gelu", m=4, n=3, k=64))).nest
    line = "dot/vector:k.8/tile:k.2+n.3/order:m+n+k/fusion:S1.tile+S2.tile/layout:b.ba"
    tree = lowered(nest, parse_schedule(line))
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    placed = operands(tree, path.leaf)
    operations = sum(operations_of(one.value) for one in placed.assignments)
    assert Work(AVX2).element_wise(path.leaf, placed) == 12 * operations * SCALAR_CYCLES


def test_a_remainder_is_a_vector_more_with_masks_and_its_lanes_without() -> None:
    text = "broadcast/vector:n.4/tile:n.2+m.3/order:n+m+k"
    plain, padded = parse_schedule(text), parse_schedule(f"{text}/layout:b.Ba4b+c.Ba4b")
    for m, n, k in ((6, 15, 20), (9, 7, 4), (5, 13, 8)):
        rest, whole = _nest(m=m, n=n, k=k), _nest(m=m, n=n + -n % 4, k=k)
        for machine in (AVX2, AVX512):
            assert _cycles(rest, plain, machine) == _cycles(whole, plain, machine)
        assert _cycles(rest, padded, NEON) == _cycles(whole, padded, NEON)
        compute, overhead = _cycles(rest, plain, NEON)
        same, less = _cycles(whole, plain, NEON)
        more = max(n % 4 - 1, 0)
        tiles = -(-m // 3)
        assert compute == pytest.approx(same + tiles * k * more / NEON.loads_per_cycle)
        assert overhead == pytest.approx(less + m * more * MOVE_CYCLES)


def test_mixed_tile_heights_are_counted_as_they_are() -> None:
    """Of sums in lanes: tiles of three and two rows are not all of three."""
    column = {
        "name": "columns",
        "sizes": {"h": 5, "n": 16, "k": 6},
        "tensors": {"x": ["h", "k", "n"], "y": ["h", "n"]},
        "statements": ["y[h,n] += exp(x[h,k,n])"],
    }

    def compute(rows: int, tile: int) -> float:
        primitive = primitive_from({**column, "sizes": {"h": rows, "n": 16, "k": 6}})
        nest = loop_nest(primitive).nest
        tree = lowered(nest, parse_schedule(f"lanes/vector:n.8/tile:n.1+h.{tile}/order:n+h+k"))
        (path,) = tree.paths()
        assert isinstance(path.leaf, Microkernel)
        return Work(AVX2).lane_sum(path.leaf, operands(tree, path.leaf)).compute

    assert compute(5, 3) == pytest.approx(compute(3, 3) + compute(2, 2))
    assert compute(7, 3) == pytest.approx(compute(3, 3) + 2 * compute(2, 2))
