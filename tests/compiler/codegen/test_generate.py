"""Kernels of every form on chosen problems, against both oracles; and what is refused."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.machines import AVX2, AVX512, MACHINES
from tests.compiler.problem.lines import primitive_of
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul

FIXED_WEIGHTS: dict[str, Any] = {
    "name": "fixed_weights",
    "sizes": {"m": 5, "n": 12, "k": 3},
    "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
    "values": {"b": [[(7 * i + j) % 5 - 2 for j in range(12)] for i in range(3)]},
    "statements": ["c[m,n] += a[m,k] * b[k,n]"],
}
ACCUMULATED = {**matmul(m=6, n=19, k=7), "accumulate": ["c"]}
PROBLEMS: tuple[dict[str, Any], ...] = (
    conv2d(ic=17, oc=24, ih=9, iw=11),
    conv2d(ic=3, oc=17, ih=12, iw=10, kh=5, kw=2, pad_h=2, pad_w=1),
    conv2d(n=2, ic=16, oc=12, ih=9, iw=10, stride=2),
    conv2d(n=2, ic=5, oc=16, ih=11, iw=11, stride=3, dilation=2),
    conv2d(ic=4, oc=9, ih=5, iw=14, dilation=2, pad_h=3, pad_w=0),
    conv2d(ic=17, oc=6, ih=7, iw=9, kh=1, kw=1, pad_h=0, pad_w=0),
    conv2d(ic=9, oc=81, ih=5, iw=7, kh=1, kw=1, pad_h=0, pad_w=0),
    conv2d(n=2, ic=3, oc=24, ih=6, iw=13),
    conv2d(ic=160, oc=10, ih=3, iw=4, kw=1, pad_w=0),  # the reduction is long enough to split
    matmul(m=11, n=21, k=13),
    {**matmul(m=7, n=37, k=150), "constant": []},
    {**matmul(m=9, n=20, k=8), "stored": {"a": [1, 0], "b": [1, 0]}, "constant": []},
    {**matmul(m=9, n=20, k=8), "stored": {"c": [1, 0]}},
    matmul(m=1, n=33, k=9),
    matmul(m=33, n=1, k=9),
    OPERATORS["grouped"],
    OPERATORS["batched"],
    OPERATORS["backward_weights"],
    FIXED_WEIGHTS,
    ACCUMULATED,
)


def _sampled(
    spec: dict[str, Any], machine: Architecture, rng: random.Random, count: int
) -> list[Case]:
    """A few candidates that differ in order, layouts and copies."""
    primitive = primitive_from(spec)
    found = list(candidates(loop_nest(primitive).nest, machine))
    rng.shuffle(found)
    forms: dict[object, Schedule] = {}
    for schedule in found:
        forms.setdefault((schedule.band.scheme, schedule.band.order, schedule.pack), schedule)
    return [(primitive, schedule) for schedule in list(forms.values())[:count]]


def test_candidates_of_every_vector_length(tmp_path: Path) -> None:
    rng = random.Random(1)
    cases = [
        case
        for spec in PROBLEMS
        for machine in MACHINES
        for case in _sampled(spec, machine, rng, 2 if machine is AVX2 else 1)
    ]
    assert {schedule.band.vector[1] for _, schedule in cases} == {1, 4, 8, 16}
    assert {schedule.band.scheme for _, schedule in cases} >= {"broadcast", "pixels"}
    assert any(schedule.pack for _, schedule in cases)
    assert any(dict(schedule.band.block).get("ic@2") for _, schedule in cases)
    check_cases(cases, tmp_path, "lengths")


@pytest.mark.parametrize("oc", [6, 12, 24, 81])
def test_few_output_channels_over_pixels(oc: int) -> None:
    for spec in (conv2d(oc=oc, ic=8, ih=8, iw=17), conv2d(oc=oc, ic=8, ih=8, iw=17, kh=1, kw=1,
                                                          pad_h=0, pad_w=0)):  # fmt: skip
        nest = loop_nest(primitive_from(spec)).nest
        assert any(s.band.scheme == "pixels" for s in candidates(nest, AVX2))


def test_pixels_with_few_output_channels(tmp_path: Path) -> None:
    rng = random.Random(2)
    cases: list[Case] = []
    for oc in (6, 12, 24, 81):
        for sizes in ({"kh": 3, "kw": 3}, {"kh": 1, "kw": 1, "pad_h": 0, "pad_w": 0}):
            primitive = primitive_from(conv2d(ic=5, oc=oc, ih=6, iw=19, **sizes))
            found = candidates(loop_nest(primitive).nest, AVX2)
            pixels = [schedule for schedule in found if schedule.band.scheme == "pixels"]
            cases += [(primitive, schedule) for schedule in rng.sample(pixels, 3)]
    check_cases(cases, tmp_path, "pixels")


def test_tuning_fields_change_no_result(tmp_path: Path) -> None:
    blocked = "layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a"
    conv = primitive_from(conv2d(ic=8, oc=20, ih=7, iw=9))
    base = parse_schedule(
        f"broadcast/vector:oc.8/tile:oc.2+ow.3/order:oc+oh+ow+ic@1+kh+kw+ic/block:ic@1.4/{blocked}"
    )
    split = base.with_band(order=("ic@1", "oc", "oh", "ow", "kh", "kw", "ic"))
    taps_outside = base.with_band(order=("kh", "oc", "oh", "ow", "ic@1", "kw", "ic"))
    product = primitive_from(matmul(m=6, n=24, k=9))
    plain = parse_schedule("broadcast/vector:n.8/tile:n.2+m.3/order:m+n+k/layout:b.Ba8b")
    cases: list[Case] = []
    for schedule in (base, split, taps_outside):
        for change in ({"unroll": 2}, {"unroll": 64}, {"prefetch": 4096}, {"nontemporal": True}):
            cases.append((conv, schedule.with_band(**change)))
    cases.append((product, plain.with_band(nontemporal=True, prefetch=3, unroll=3)))
    check_cases(cases, tmp_path, "tuning")


def test_blocks_hold_whole_tiles_or_the_whole_loop(tmp_path: Path) -> None:
    loops = "order:oc+oh+ow+kh+kw+ic"
    texts = (
        f"broadcast/vector:oc.8/tile:ow.2/{loops}/layout:out.aBcD4d8b+weight.ABcd8b8a",
        f"broadcast/vector:oc.8/tile:oc.2+ow.2/{loops}/layout:out.aBcd8b+weight.Abcd24a",
    )
    conv = primitive_from(conv2d(ic=8, oc=24, ih=4, iw=8))
    check_cases([(conv, parse_schedule(text)) for text in texts], tmp_path, "blocks", parts=1)


BLOCKED = "layout:data.aBcd8b+out.aBcd8b+weight.ABcd8b8a"
LOOPS = "order:oc+oh+ow+kh+kw+ic"
REFUSED = {
    f"broadcast/vector:oc.8/{LOOPS}": "weight is not contiguous along oc",
    f"broadcast/vector:oc.8/{LOOPS}/layout:weight.bcda": "out is not contiguous along oc",
    f"pixels/vector:ow.8/{LOOPS}": "data must be packed: it is padded",
    f"broadcast/vector:oc.8/{LOOPS}/{BLOCKED}/pack:out.abcd": "pack:out: a statement writes it",
    f"broadcast/vector:oc.8/tile:oc.2/{LOOPS}/layout:weight.bcdA12a+out.aBcd8b":
        "weight: blocks of 12 do not hold tiles of 16",
    f"broadcast/vector:oc.8/tile:oc.3/{LOOPS}/layout:weight.Abcd16a+out.aBcd8b":
        "weight: blocks of 16 do not hold tiles of 24",
    "broadcast/vector:oc.8/order:kh@1+oc+oh+ow+kh+kw+ic/block:kh@1.2/" + BLOCKED:
        "kh reads past a border, it cannot be blocked",
    f"broadcast/vector:ic.8/{LOOPS}": "vector loop 'ic' is not a loop of the output",
    f"pixels/vector:ow.8/tile:oh.2/{LOOPS}/pack:data.abcd":
        "tile oh.2: data differs along oh, a vector of it cannot serve several points",
    f"broadcast/vector:oc.8/{LOOPS}/layout:data.aBcd4b+out.aBcd8b+weight.ABcd8b8a":
        "data: blocks of 4 along ic are neither whole steps nor whole pieces of its levels",
    f"broadcast/vector:oc.8/tile:ow.3/{LOOPS}/layout:data.aBcd8b+out.aBcD2d8b+weight.ABcd8b8a":
        "out: blocks of 2 along ow are neither whole steps nor whole pieces of its levels",
    f"broadcast/vector:oc.8/{LOOPS}/layout:data.abCd4c": "only one indexed by a loop alone can be",
    f"broadcast/vector:oc.8/{LOOPS}/layout:data.aBcd4b2b": "data: a dimension is blocked twice",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_no_kernel_can_be_printed_for(text: str) -> None:
    nest = loop_nest(primitive_from(conv2d(ic=8, oc=40))).nest
    with pytest.raises(ScheduleError, match=re.escape(REFUSED[text])) as caught:
        fitted(nest, parse_schedule(text))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("n", [10, 20])
def test_streaming_stores_must_be_aligned(n: int) -> None:
    nest = loop_nest(primitive_from(matmul(m=4, n=n))).nest
    text = "broadcast/vector:n.8/order:m+n+k/layout:b.Ba8b/nontemporal:1"
    with pytest.raises(ScheduleError, match="nontemporal: vectors of c are not all aligned"):
        fitted(nest, parse_schedule(text))


def test_buffers_say_what_the_caller_packs() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=8, oc=16, ih=4, iw=6))).nest
    kernel = generate(
        fitted(
            nest,
            parse_schedule(
                f"pixels/vector:ow.8/tile:oc.2/{LOOPS}/layout:weight.bcda/pack:data.abcd"
            ),
        )
    )
    assert [(b.name, b.role, b.constant) for b in kernel.buffers] == [
        ("data", "input", False),
        ("weight", "input", True),
        ("out", "output", False),
        ("packed_data", "workspace", False),
    ]
    assert [b.layout.tag() if b.layout else None for b in kernel.buffers] == [
        "abcd", "bcda", "abcd", None,
    ]  # fmt: skip
    assert kernel.buffers[3].elements == 8 * 6 * 10  # two rows and columns of padding, two lanes
    assert not kernel.openmp
    with_values = loop_nest(primitive_from(FIXED_WEIGHTS)).nest
    names = [
        b.name for b in generate(fitted(with_values, candidates(with_values, AVX512)[0])).buffers
    ]
    assert names == ["a", "c"]


@pytest.mark.parametrize(("rows", "unroll"), [(512, 8), (100, 64)])
def test_texts_that_nobody_compiles_are_refused(rows: int, unroll: int) -> None:
    nest = loop_nest(primitive_from(matmul(m=512, n=512, k=512))).nest
    schedule = parse_schedule(
        f"broadcast/vector:n.4/tile:m.{rows}+n.32/order:m+n+k/unroll:{unroll}"
    )
    with pytest.raises(ScheduleError, match=r"its C text would have [0-9]+ operations, 50000"):
        fitted(nest, schedule)


def test_cropped_tiles_of_one_size_share_a_function() -> None:
    tensors = {"x": ["c", "h"], "w": ["c", "k", "a"], "y": ["k", "2*h"]}
    sizes = {"k": 8, "h": 21, "a": 4, "c": 3}
    nest = loop_nest(primitive_of(sizes, tensors, "y[k,2*h + a - 1] += x[c,h] * w[c,k,a]")).nest
    line = "lanes/vector:k.8/tile:h.7/order:a+h+k+c/layout:w.acb+y.ba"
    text = generate(fitted(nest, parse_schedule(line))).text
    assert text.count("static void tile") == 2  # of seven points, and of the six inside at each end
