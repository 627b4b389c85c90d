"""The compiler's door: rank, compile, refuse."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.codegen.kernel import SYMBOL
from compiler.errors import CompilerError, ScheduleError
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule, parse_schedule, ranked_schedules, searched
from compiler.problem.architecture import CacheLevel
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import start_build
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import MAX_POOL, RECURRENCE, conv2d, matmul

TYPICAL = conv2d(ic=64, oc=64, ih=56, iw=56)
DEEP = conv2d(ic=256, oc=128, ih=7, iw=7)
PRODUCT = matmul(m=128, n=256, k=512)


def test_the_best_five_of_three_problems_compile(tmp_path: Path) -> None:
    kernels = []
    for spec, machine, threads in ((TYPICAL, AVX2, 1), (DEEP, NEON, 2), (PRODUCT, AVX512, 4)):
        primitive = primitive_from(spec)
        ranked = ranked_schedules(primitive, machine, threads, limit=5)
        assert len(ranked) == 5
        assert [r.place for r in ranked] == sorted(r.place for r in ranked)
        for best in ranked:
            kernel = compile_schedule(primitive, best.schedule)
            assert kernel.openmp == bool(best.schedule.band.parallel) == (threads > 1)
            assert f"schedule {best.schedule} */" in kernel.text
            kernels.append(kernel)
    library = start_build(kernels, tmp_path, "best", "-O0").library()
    assert all(library[f"kernel_{i}"] for i in range(len(kernels)))


def test_a_limit_keeps_the_head_of_the_ranking() -> None:
    primitive = primitive_from(conv2d(ic=16, oc=16, ih=8, iw=8))
    ranked = ranked_schedules(primitive, AVX2)
    assert ranked_schedules(primitive, AVX2, limit=7) == ranked[:7]
    assert ranked_schedules(primitive, AVX2, limit=10**6) == ranked
    with pytest.raises(CompilerError, match=r"unknown ranking 'best'; known: .*roofline"):
        ranked_schedules(primitive, AVX2, ranking="best")


@pytest.mark.parametrize("m", [1, 6, 64])
def test_without_copies_each_sum_is_one_threads(m: int) -> None:
    primitive = primitive_from(matmul(m=m, n=16, k=50176))
    shared, whole = (
        ranked_schedules(primitive, AVX512, threads=2, private=private) for private in (True, False)
    )
    assert bool(shared[0].schedule.band.private) == (m < 64)
    assert not any(one.schedule.band.private for one in whole)
    with_copies = {one.schedule for one in shared if one.schedule.band.private}
    assert {one.schedule for one in shared} - with_copies <= {one.schedule for one in whole}


def test_the_papers_space_is_ranked_and_compiles() -> None:
    primitive = primitive_from(TYPICAL)
    ranked = ranked_schedules(primitive, AVX2, space="paper")
    assert {one.schedule.band.microkernel for one in ranked} == {"product"}
    assert compile_schedule(primitive, ranked[0].schedule).text.count(f"void {SYMBOL}(") == 1
    with pytest.raises(CompilerError, match="unknown space 'half'; known: full, paper"):
        ranked_schedules(primitive, AVX2, space="half")


def test_the_papers_variants_hold_the_bytes_of_the_papers_analysis() -> None:
    """512 to 2048 channels on 7x7, 1x1; orders img,ot,it,oj,kj,ki and img,oj,kj,ki,ot,it."""
    caches = (("L1", 32768), ("L2", 1048576), ("L3", 1441792))
    machine = replace(AVX512, caches=tuple(CacheLevel(name, size) for name, size in caches))
    primitive = primitive_from(conv2d(ic=512, oc=2048, ih=7, iw=7, kh=1, kw=1, pad_h=0, pad_w=0))
    ranked = ranked_schedules(primitive, machine, ranking="polydl", space="paper")
    held = {"+".join(one.schedule.band.order): one.parts for one in ranked}
    for order, memory, near in (
        ("oc@1+ic@1+oh_ow@1+oh_ow+oc+ic", 4552448, 516360),
        ("oh_ow@1+oc@1+ic@1+oh_ow+oc+ic", 8757504, 295688),
    ):
        levels = {level: held[order][level] for level in ("L1", "L2", "L3", "memory")}
        assert levels == {"L1": 17144, "L2": near, "L3": 0, "memory": memory}


def test_what_is_no_contraction_still_compiles() -> None:
    primitive = primitive_from(MAX_POOL)
    first, *_ = ranked_schedules(primitive, AVX2)
    assert first.schedule.band.scheme == "lanes"
    kernel = compile_schedule(primitive, first.schedule)
    assert kernel.text.count(f"void {SYMBOL}(") == 1


REFUSED: tuple[tuple[dict[str, Any], str, str], ...] = (
    (
        conv2d(ic=8, oc=8),
        "broadcast/vector:oc.8/order:ic@1+oc+oh+ow+kh+kw+ic/block:ic@1.4/parallel:ic@1"
        "/layout:out.aBcd8b+weight.bcda",
        "conv2d: schedule: parallel loop ic@1 carries the reduction of out "
        "(RAW/WAW out[0, oc, oh, ow])",
    ),
    (
        matmul(),
        "scalar/order:k+m+n/parallel:k",
        "matmul: schedule: parallel loop k carries the reduction of c (RAW/WAW c[m, n])",
    ),
    (
        RECURRENCE,
        "scalar/order:i+t",
        "recurrence: schedule: loop i runs a dependence backwards (RAW y[t, i])",
    ),
    (RECURRENCE, "scalar/order:t+i/parallel:t", "recurrence: schedule: parallel loop t carries"),
    (conv2d(), "scalar/order:oc+oh+ow+kh+kw", "conv2d: schedule: the order must hold 'ic'"),
    (
        conv2d(ic=8),
        "scalar/order:oc+oh+ow+kh+kw+ic/tile:oh.99",
        "conv2d: schedule: tile oh.99 is larger than its extent 6",
    ),
    (
        conv2d(oc=8),
        "broadcast/vector:oc.8/order:oc+oh+ow+kh+kw+ic",
        "schedule: weight is not contiguous along oc",
    ),
)


@pytest.mark.parametrize(("spec", "text", "message"), REFUSED)
def test_a_refusal_names_what_breaks(spec: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(message)) as caught:
        compile_schedule(primitive_from(spec), parse_schedule(text))
    assert len(str(caught.value).splitlines()) == 1


def test_loops_are_those_of_the_normalised_nest() -> None:
    primitive = primitive_from(conv2d(kh=1, kw=1, pad_h=0, pad_w=0))
    assert loop_nest(primitive).loops == ("oc", "oh_ow", "ic")
    compile_schedule(primitive, parse_schedule("scalar/order:oh_ow+oc+ic"))
    with pytest.raises(ScheduleError, match="unknown loop 'oh'; known: oc, oh_ow, ic"):
        compile_schedule(primitive, parse_schedule("scalar/order:oc+oh+ow+ic"))


def test_a_search_tries_what_the_model_expects_nothing_of() -> None:
    for spec, streams in ((conv2d(ic=256, oc=192, ih=7, iw=7), True), (conv2d(), False)):
        primitive = primitive_from(spec)
        ranked = ranked_schedules(primitive, AVX512)
        few = searched(primitive, ranked, AVX512, 8, 4)
        assert len(few) == 8 and few[0] == ranked[0]
        ahead = [one for one in few if one.schedule.band.ahead]
        assert len(ahead) == streams
        if streams:
            assert ahead == [few[-1]]
            assert dict(few[-1].schedule.band.ahead).keys() == {"weight"}
            assert few[-1].schedule.with_band(ahead=()) == ranked[0].schedule
        assert not any(one.schedule.band.ahead for one in searched(primitive, ranked, AVX512, 2, 4))
