"""The space of schedules: large enough, deterministic, everything in it fits and is legal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest

from compiler.codegen.generate import generate
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl, structural
from compiler.lower.lowered import lowered
from compiler.microkernel.contraction import anchor
from compiler.microkernel.register_tile import RegisterTile
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule, loop_of
from compiler.schedule.text import parse_schedule
from compiler.space.axes import axes_of
from compiler.space.candidates import candidates, fetched_ahead
from compiler.space.operand_layouts import operand_layouts
from compiler.space.scalar import scalar_schedule
from tests.compiler.machines import AVX2, AVX512, MACHINES, NEON
from tests.compiler.problem.operators import CONF, OPERATORS, conv2d, matmul, shipped

TYPICAL = conv2d(ic=64, oc=64, ih=56, iw=56)
DEEP = conv2d(ic=512, oc=512, ih=7, iw=7)
FEW = conv2d(ic=17, oc=6, ih=9, iw=11)
SQUARE = matmul(m=96, n=96, k=96)


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


@pytest.fixture(scope="module")
def typical() -> tuple[Schedule, ...]:
    return candidates(_nest(TYPICAL), AVX2)


@pytest.fixture(scope="module")
def deep() -> tuple[Schedule, ...]:
    return candidates(_nest(DEEP), AVX2)


def test_a_typical_layer_has_hundreds(
    typical: tuple[Schedule, ...], deep: tuple[Schedule, ...]
) -> None:
    assert len(typical) >= 200
    assert len(deep) >= 200
    assert len(set(typical)) == len(typical)
    assert len(set(map(str, deep))) == len(deep)


def test_they_differ_in_every_field(deep: tuple[Schedule, ...]) -> None:
    for field in ("order", "vector", "tile", "block"):
        assert len({getattr(s.band, field) for s in deep}) > 1, field
    assert len({s.layout for s in deep}) > 1
    assert any(loop_of(s.band.order[0]) == "ic" for s in deep)  # the reduction split outermost
    assert any("oc@1" in s.band.order for s in deep)


def test_the_order_is_deterministic(typical: tuple[Schedule, ...]) -> None:
    assert candidates(_nest(TYPICAL), AVX2) == typical


def test_all_read_back(typical: tuple[Schedule, ...]) -> None:
    assert all(parse_schedule(str(s)) == s for s in typical[::7])


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
@pytest.mark.parametrize("threads", [1, 4])
def test_all_fit_and_are_legal(machine: Architecture, threads: int) -> None:
    random = Random(threads)
    for spec in (FEW, SQUARE, OPERATORS["batched"], OPERATORS["backward_weights"]):
        nest = _nest(spec)
        found = candidates(nest, machine, threads)
        for schedule in found:
            fitted(nest, schedule)
            assert structural(lowered(nest, schedule)) is None
        for schedule in random.sample(found, min(6, len(found))):
            assert by_isl(lowered(nest, schedule)) is None, str(schedule)


def test_a_sample_of_the_large_ones_fits_and_is_legal(deep: tuple[Schedule, ...]) -> None:
    nest = _nest(DEEP)
    for schedule in Random(0).sample(deep, 25):
        fitted(nest, schedule)
        assert by_isl(lowered(nest, schedule)) is None, str(schedule)


def test_register_tiles_fit_the_machine(deep: tuple[Schedule, ...]) -> None:
    for schedule in deep:
        sizes = dict(schedule.band.tile)
        vectors = sizes.pop("oc", 1)
        points = 1
        for size in sizes.values():
            points *= size
        assert RegisterTile(points, vectors).registers(False) <= AVX2.vector_registers


def test_register_tiles_span_rows_and_columns(deep: tuple[Schedule, ...]) -> None:
    """Up to four rows of the image, each as wide as the tile's points allow."""
    shapes = {(s.band.tile_of("oh"), s.band.tile_of("ow")) for s in deep}
    assert {rows for rows, _ in shapes} == {1, 2, 3, 4}
    assert (2, 7) in shapes  # 7 columns are a whole row


def test_schemes_follow_the_constant_operand() -> None:
    few = candidates(_nest(FEW), AVX512)
    assert {s.band.scheme for s in few} == {"broadcast", "pixels", "dot"}
    assert {dict(s.pack).get("data") for s in few if s.band.scheme == "pixels"} == {"abcd", "abdc"}


@pytest.mark.parametrize("name", OPERATORS)
def test_what_is_no_contraction_has_the_scalar_nest_alone(name: str) -> None:
    nest = _nest(OPERATORS[name])
    found = candidates(nest, AVX2)
    assert found
    if anchor(nest) is None:
        assert found == (scalar_schedule(nest),)


@pytest.mark.parametrize(
    "spec",
    [
        matmul(m=16, n=16, k=16),
        {**matmul(m=16, n=16, k=16), "constant": []},
        {**matmul(m=16, n=16, k=16), "stored": {"b": [1, 0]}},
        {**matmul(m=16, n=16, k=16), "stored": {"a": [1, 0], "b": [1, 0]}, "constant": []},
    ],
)
def test_matrices_keep_their_plain_layout(spec: dict[str, Any]) -> None:
    nest = _nest(spec)
    found = candidates(nest, NEON)
    assert len(found) > 1
    for schedule in found:
        assert set(dict(schedule.layout)) <= set(spec["constant"])
        if spec.get("stored", {}).get("b") == [1, 0] and not spec["constant"]:
            across = schedule.band.scheme == "dot"  # its rows run the wrong way for other lanes
            assert across or "b" in dict(schedule.pack)


def test_threads_take_the_outermost_legal_levels() -> None:
    nest = _nest(TYPICAL)
    reduction = nest.statements[0].reduction_loops
    for schedule in candidates(nest, AVX2, 4)[::5]:
        assert schedule.band.parallel
        loops = [loop_of(level) for level in schedule.band.parallel]
        assert not set(loops) & set(reduction)
        assert len(set(loops)) == len(loops)  # no tile and its own pieces
        first = schedule.band.order.index(schedule.band.parallel[0])
        assert schedule.band.order[first : first + len(loops)] == schedule.band.parallel
        assert all(loop_of(level) in reduction for level in schedule.band.order[:first])
    assert all(not schedule.band.parallel for schedule in candidates(nest, AVX2, 1)[::5])


def _check_every_choice_has_some(nest: Primitive, machine: Architecture) -> tuple[Schedule, ...]:
    """A reading of the loops with a layout that makes its lanes contiguous is a vector form."""
    found = candidates(nest, machine)
    target = nest.statements[0].target.tensor  # its blocks follow the register tile

    def read(layout: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((name, tag) for name, tag in layout if name != target)

    forms = {
        (s.band.scheme, s.band.vector, read(s.layout), s.pack)
        for s in found
        if s.band.scheme not in ("lanes", "dot")
    }
    wanted = {
        (layouts.scheme, (axes.vector, layouts.lanes), read(layouts.layout), layouts.pack)
        for axes in axes_of(nest)
        for layouts in operand_layouts(nest, axes, machine)
    }
    lanes = any(schedule.band.scheme in ("lanes", "dot") for schedule in found)
    other = set() if lanes else {("scalar", ("", 1), (), ())}
    assert forms == (wanted or other), f"{machine.name}: {nest.extents}"
    return found


ENUMERATED = (
    *((matmul, {"m": m, "k": 64}, "n", 420) for m in (1, 2, 3, 4)),
    (conv2d, {"ic": 64, "ih": 1, "iw": 1, "kh": 1, "kw": 1, "pad_h": 0, "pad_w": 0}, "oc", 420),
    (partial(shipped, "depthwise_conv2d"), {"c": 8, "ih": 5}, "iw", 210),
)


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize(("operator", "sizes", "swept", "last"), ENUMERATED)
def test_what_has_a_vector_form_gets_one(
    operator: Callable[..., dict[str, Any]],
    sizes: dict[str, int],
    swept: str,
    last: int,
    step: int,
) -> None:
    for size in (*range(1, 41), *range(41, last + 1, step)):
        nest = _nest(operator(**sizes, **{swept: size}))
        for machine in (NEON, AVX2, AVX512):
            _check_every_choice_has_some(nest, machine)


BORDERS = {"kh": 13, "kw": 13, "pad_h": 6, "pad_w": 6}
NEIGHBOURS = (
    shipped("batched_matmul", batch=3, m=1, n=112, k=7),
    shipped("grouped_conv2d", g=4, ic=3, oc=100, ih=1, iw=1, kh=1, kw=1, pad_h=0, pad_w=0),
    shipped("conv1d", ic=17, oc=120, iw=1, kw=3),
    shipped("conv3d", ic=3, oc=104, id=1, ih=2, iw=1),
    shipped("depthwise_conv1d", c=5, iw=130),
    shipped("depthwise_conv3d", c=2, id=3, ih=1, iw=56),
    shipped("depthwise_conv2d", c=8),
    # borders print more multiply-adds than a kernel may have, whatever good tile is taken
    conv2d(ic=16, oc=64, ih=13, iw=13, **BORDERS),
    conv2d(ic=16, oc=64, ih=56, iw=56, **BORDERS),
    conv2d(ic=3, oc=7, ih=9, iw=9, kh=9, kw=9, pad_h=4, pad_w=4),
    *({**matmul(m=1, n=n, k=33), "stored": {"b": [1, 0]}, "constant": []} for n in (3, 64, 200)),
    *({**matmul(m=m, n=1, k=33), "plain": []} for m in (112, 200)),
)


@pytest.mark.parametrize("spec", NEIGHBOURS, ids=lambda spec: str(spec["name"]))
def test_whatever_limit_it_meets(spec: dict[str, Any]) -> None:
    nest = _nest(spec)
    for machine in MACHINES:
        found = _check_every_choice_has_some(nest, machine)
        assert generate(fitted(nest, found[-1]))
        assert found[-1].band.scheme != "scalar"


def test_one_row_of_vectors_is_no_reason_for_the_scalar_nest() -> None:
    for sizes in ({"m": 1, "n": 16}, {"m": 3, "n": 8}, {"m": 4, "n": 1}):
        found = candidates(_nest({**matmul(k=5, **sizes), "plain": []}), AVX2)
        assert all(s.band.scheme != "scalar" for s in found)


def test_an_output_s_blocks_are_as_wide_as_uniform_register_tiles() -> None:
    widths = set()
    for schedule in candidates(_nest(TYPICAL), AVX2):
        if schedule.band.scheme == "broadcast" and schedule.band.vector[0] == "oc":
            vectors = schedule.band.tile_of("oc")
            uniform = 64 % (8 * vectors) == 0
            widths.add(vectors if uniform else 1)
            assert dict(schedule.layout)["out"] == f"aBcd{8 * (vectors if uniform else 1)}b"
    assert len(widths) > 1


def test_an_output_beyond_the_caches_may_be_written_past_them() -> None:
    large = matmul(m=2048, n=2048, k=16)  # 16 MB, beyond 4 MB of L3
    found = set(candidates(_nest(large), AVX512))
    streamed = [s for s in found if s.band.nontemporal]
    assert streamed
    for schedule in streamed:
        assert schedule.with_band(nontemporal=False) in found
        (path,) = lowered(_nest(large), schedule).paths()
        assert "k" not in [level.loop for level in path.loops]  # each line once
        loop, lanes = schedule.band.vector
        assert schedule.band.tile_of(loop) * lanes >= 16  # whole lines
    for other in (matmul(m=256, n=256, k=16), matmul(m=2048, n=2047, k=16), TYPICAL):
        assert not any(s.band.nontemporal for s in candidates(_nest(other), AVX512))


@pytest.mark.parametrize(
    ("n", "threads", "past"), [(2048, 1, True), (2048, 2, True), (256, 1, False)]
)
def test_so_may_one_that_is_no_sum_of_products(n: int, threads: int, past: bool) -> None:
    nest = _nest(shipped("eltwise_relu", m=2048, n=n))
    found = candidates(nest, AVX512, threads)
    assert any(schedule.band.nontemporal for schedule in found) == past
    for schedule in found:
        assert generate(fitted(nest, schedule)).openmp == (threads > 1)


def test_what_lies_in_l2_is_not_fetched_ahead() -> None:
    deep = _nest(conv2d(ic=128, oc=512, ih=7, iw=7))  # 2.4 MB of weights, a tile's are 147 kB
    first = next(s for s in candidates(deep, AVX512) if s.band.tile_of("oc") == 2)
    ahead = fetched_ahead(deep, first, AVX512)
    assert ahead is not None and ahead.with_band(ahead=()) == first
    assert fetched_ahead(deep, ahead, AVX512) is None  # it is already
    small = _nest(conv2d(ic=64, oc=64, ih=28, iw=28))  # 200 kB of data, 147 kB of weights
    assert fetched_ahead(small, candidates(small, AVX512)[0], AVX512) is None
    assert fetched_ahead(deep, scalar_schedule(deep), AVX512) is None


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_what_is_chosen_of_single_rows_is_read_as_it_is_written(name: str) -> None:
    spec = shipped(name)
    small = {size: 1 for size in ("n", "m", "batch", "heads", "oc") if size in spec["sizes"]}
    primitive = primitive_from(shipped(name, **small))
    for one in ranked_schedules(primitive, AVX2, limit=3):
        assert parse_schedule(str(one.schedule)) == one.schedule
        assert by_isl(fitted(_nest(shipped(name, **small)), one.schedule)) is None
