"""What any prediction must satisfy, whatever its constants."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from random import Random
from typing import Any

import pytest

from compiler.cost.roofline import Estimate, Roofline
from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from compiler.space.scalar import scalar_schedule
from tests.compiler.machines import AVX2, AVX512, MACHINES
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul

SPECS: tuple[dict[str, Any], ...] = (
    conv2d(ic=64, oc=64, ih=28, iw=28),
    conv2d(ic=96, oc=24, ih=14, iw=14, kh=1, kw=1, pad_h=0, pad_w=0),
    conv2d(ic=3, oc=6, ih=30, iw=30, stride=2),
    matmul(m=128, n=192, k=300),
    OPERATORS["grouped"],
)
TRANSFERS = ("L2", "L3", "memory")


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


def _sampled(nest: Primitive, machine: Architecture, threads: int = 1) -> list[Schedule]:
    found = candidates(nest, machine, threads)
    return Random(0).sample(found, min(16, len(found)))


def _estimates(spec: dict[str, Any], machine: Architecture, threads: int = 1) -> list[Estimate]:
    nest = _nest(spec)
    model = Roofline(nest, machine)
    return [model.estimate(s, threads) for s in _sampled(nest, AVX2, threads)]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_seconds_are_positive_and_made_of_their_parts(machine: Architecture) -> None:
    for spec in SPECS:
        nest = _nest(spec)
        model = Roofline(nest, machine)
        for schedule in (scalar_schedule(nest), *_sampled(nest, machine)):
            found = model.estimate(schedule)
            assert 0 < found.seconds < 10
            assert all(isfinite(part) and part >= 0 for part in found.parts.values())
            work = sum(found.parts.get(name, 0.0) for name in ("compute", "overhead", "packing"))
            transfers = [found.parts.get(name, 0.0) for name in TRANSFERS]
            assert set(found.parts) <= {"compute", "overhead", "packing", *TRANSFERS}
            assert max(work, *transfers) <= found.seconds * (1 + 1e-9)
            assert found.seconds <= (work + sum(transfers)) * (1 + 1e-9)


def test_estimates_do_not_depend_on_each_other() -> None:
    for spec in SPECS:
        nest = _nest(spec)
        schedules = _sampled(nest, AVX2)
        forwards, backwards = Roofline(nest, AVX2), Roofline(nest, AVX2)
        found = [forwards.estimate(s) for s in schedules]
        assert [backwards.estimate(s) for s in reversed(schedules)] == found[::-1]
        assert [Roofline(nest, AVX2).estimate(s) for s in schedules[:3]] == found[:3]


def test_compute_is_no_faster_than_the_peak() -> None:
    machine = replace(AVX2, peak=96.0)
    for spec in (SPECS[1], SPECS[3]):  # no padding: all of the nominal work is done
        flops = primitive_from(spec).flops
        for found in _estimates(spec, machine):
            assert found.parts["compute"] >= flops / 96e9 * (1 - 1e-9)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_larger_caches_never_move_more(level: int) -> None:
    for spec in SPECS:
        before = _estimates(spec, AVX2)
        for factor in (2, 8, 1000):
            caches = tuple(
                replace(cache, bytes=cache.bytes * factor) if i == level else cache
                for i, cache in enumerate(AVX2.caches)
            )
            after = _estimates(spec, replace(AVX2, caches=caches))
            for one, two in zip(before, after, strict=True):
                for name in TRANSFERS:
                    assert two.parts[name] <= one.parts[name]
                assert two.seconds <= one.seconds
            before = after


def test_what_fits_a_cache_moves_nothing_into_it_again() -> None:
    huge = tuple(replace(cache, bytes=1 << 40) for cache in AVX2.caches)
    for spec in SPECS:
        for found in _estimates(spec, replace(AVX2, caches=huge)):
            assert [found.parts[name] for name in TRANSFERS] == [0, 0, 0]


def test_faster_machines_and_more_threads_are_not_slower() -> None:
    for spec in SPECS:
        slow = _estimates(spec, replace(AVX2, peak=50.0, memory_bandwidth=5.0))
        fast = _estimates(spec, replace(AVX2, peak=100.0, memory_bandwidth=10.0))
        assert all(f.seconds <= s.seconds for f, s in zip(fast, slow, strict=True))
        nest = _nest(spec)
        model = Roofline(nest, AVX2)
        for schedule in _sampled(nest, AVX2, 4):
            found = [model.estimate(schedule, threads) for threads in (1, 2, 4)]
            seconds = [one.seconds for one in found[1:]]  # one thread need not be woken
            compute = [one.parts["compute"] for one in found]
            assert seconds == sorted(seconds, reverse=True)
            assert compute == sorted(compute, reverse=True)


def test_copies_are_worth_their_combination_where_the_sum_is_long() -> None:
    """A product of one register tile: two threads have work each only in pieces of k."""
    tile = "broadcast/vector:n.8/tile:n.2+m.4"
    whole = f"{tile}/order:m+n+k/parallel:m"
    pieces = f"{tile}/order:k@1+m+n+k/block:k@1.{{}}/parallel:k@1/private:c.k@1"
    for k, gain in ((1 << 16, True), (16, False)):
        nest = _nest(matmul(m=4, n=16, k=k))
        model = Roofline(nest, AVX2)
        one, two = (model.estimate(parse_schedule(x), 2) for x in (whole, pieces.format(k // 2)))
        assert (two.seconds < 0.6 * one.seconds) == gain
        assert two.parts["overhead"] > one.parts["overhead"]
        more = model.estimate(parse_schedule(pieces.format(k // 8)), 2)
        assert more.parts["overhead"] > two.parts["overhead"]


def test_threads_that_start_again_and_again_cost_time() -> None:
    nest = _nest(matmul(m=64, n=64, k=4096))
    model = Roofline(nest, AVX2)
    line = "broadcast/vector:n.8/tile:n.2+m.4/order:k@1+m+n+k/block:k@1.{}/parallel:m"
    once, often = (parse_schedule(line.format(size)) for size in (4096, 64))
    more = [model.estimate(often, n).parts["overhead"] for n in (1, 2)]
    less = [model.estimate(once, n).parts["overhead"] for n in (1, 2)]
    assert more[1] - more[0] / 2 == pytest.approx(64 * (less[1] - less[0] / 2))


def test_the_untransformed_nest_is_no_bargain() -> None:
    for spec in SPECS[:4]:
        nest = _nest(spec)
        model = Roofline(nest, AVX2)
        best = min(model.estimate(s).seconds for s in _sampled(nest, AVX2))
        assert model.estimate(scalar_schedule(nest)).seconds > best


def test_a_machine_of_unknown_caches_can_be_ranked_for() -> None:
    for found in _estimates(SPECS[0], replace(AVX2, caches=())):
        assert found.seconds > 0


def test_an_estimate_says_what_bounds_it() -> None:
    for parts, bound in (
        ({"compute": 5.0, "overhead": 1.0, "L2": 2.0, "L3": 5.5, "memory": 0.0}, "compute"),
        ({"compute": 5.0, "overhead": 1.0, "L2": 2.0, "L3": 6.5, "memory": 7.0}, "memory"),
        ({"compute": 5.0, "overhead": 1.0, "L2": 6.6, "L3": 6.5, "memory": 0.0}, "L2"),
        ({"compute": 1.0, "overhead": 0.8, "packing": 0.4, "L2": 2.0}, "overhead"),
        ({"compute": 1.0}, "compute"),
    ):
        assert Estimate(0.0, parts).bound == bound, parts


def test_transfers_are_bytes_at_the_level_s_rate() -> None:
    machine = replace(AVX2, memory_bandwidth=10.0)
    for found in _estimates(SPECS[0], machine):
        assert set(found.moved) == {"L2", "L3", "memory"}
        assert found.parts["memory"] == pytest.approx(found.moved["memory"] / 10e9)


def test_rows_in_one_place_of_different_pages_take_longer() -> None:
    """1024 floats are a page: rows at once are the slower the more they are, unless padded."""

    def longer(k: int) -> list[float]:
        model = Roofline(_nest(matmul(m=4096, n=1, k=k)), AVX512)
        rows = (f"dot/vector:k.16/tile:k.2+m.{m}/order:m+k" for m in (1, 2, 4, 8))
        found = [model.estimate(parse_schedule(line)) for line in rows]
        return [one.parts["memory"] / one.moved["memory"] for one in found]

    assert longer(1040) == pytest.approx([longer(1040)[0]] * 4)
    assert longer(1024) == pytest.approx([n * longer(1040)[0] for n in (1.0, 1.07, 1.21, 1.49)])


def test_few_rows_of_a_matrix_are_streams() -> None:
    """Read once, in pieces: all of a few rows before the next ones, or a piece of every row."""
    spec = {**matmul(m=1, n=4096, k=4096), "constant": []}
    model = Roofline(_nest(spec), AVX512)
    band = "pixels/vector:n.16/tile:n.6/order:"
    streams = model.estimate(parse_schedule(band + "k@1+n+k/block:k@1.8"))
    pieces = model.estimate(parse_schedule(band + "n+k"))
    assert streams.moved["memory"] < 0.7 * pieces.moved["memory"]
    assert streams.seconds < pieces.seconds


def test_points_of_a_tile_take_turns_at_memory() -> None:
    """More channels side by side: what each point reads from memory goes on for longer."""
    nest = _nest(conv2d(n=1, ic=256, oc=64, ih=188, iw=150, kh=1, kw=1, pad_h=0, pad_w=0))
    text = (
        "broadcast/vector:oc.16/tile:oc.2+oh_ow.14/order:oh_ow@1+oc+oh_ow+ic@1+ic/"
        "block:oh_ow@1.16+ic@1.{0}/layout:data.aBc{0}b+out.aBc32b+weight.cdAB{0}b16a/unroll:4"
    )
    model = Roofline(nest, AVX512)
    moved = [
        model.estimate(parse_schedule(text.format(block))).moved["memory"]
        for block in (16, 32, 64, 128)
    ]
    assert moved == sorted(moved, reverse=True) and moved[0] > 3 * moved[-1]


def test_what_is_fetched_ahead_does_not_wait_but_is_asked_for() -> None:
    line = parse_schedule("broadcast/vector:n.16/tile:n.3+m.8/order:n+m+k/layout:b.Ba16b/unroll:4")
    ahead = line.with_band(ahead=(("b", "n"),))
    far, near = (Roofline(_nest(matmul(m=32, n=n, k=512)), AVX512) for n in (8192, 96))
    for model in (far, near):
        asked, plain = model.estimate(ahead).parts, model.estimate(line).parts
        assert asked["compute"] > plain["compute"] and asked["overhead"] == plain["overhead"]
    assert far.estimate(ahead).seconds < far.estimate(line).seconds
    assert near.estimate(ahead).seconds > near.estimate(line).seconds
    # Two pieces are in L2 then: of as much as it holds, a piece is gone before it has been used.
    full = Roofline(_nest(matmul(m=32, n=8192, k=2048)), AVX512)
    assert full.estimate(ahead).moved["L3"] > full.estimate(line).moved["L3"]
