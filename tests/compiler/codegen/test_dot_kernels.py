"""Kernels whose lanes lie across a reduction: matrix times vector, sums and maxima of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl, structural
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Band, Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.dot_schedules import dot_schedules
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import matmul, shipped

MK, M = ["m", "k"], ["m"]
SUMMANDS = {  # by what is summed: its operands, the statement
    "product": ({"a": MK, "x": ["k"]}, "y[m] += a[m,k] * x[k]"),
    "greatest": ({"a": MK}, "y[m] = max(y[m], a[m,k])"),
    "least": ({"a": MK, "x": ["k"]}, "y[m] = min(y[m], a[m,k] - x[k])"),
    "sum": ({"a": MK}, "y[m] += a[m,k]"),
    "exponential": ({"a": MK, "s": M}, "y[m] += exp(0.1 * (a[m,k] - s[m]))"),
    "variance": ({"a": MK, "s": M}, "y[m] += (a[m,k] - s[m]) * (a[m,k] - s[m])"),
    "scaled": ({"a": MK, "s": M, "x": ["k"]}, "y[m] += a[m,k] * s[m] * x[k]"),
    "matrices": ({"a": MK, "b": ["n", "k"]}, "y[m,n] += a[m,k] * b[n,k]"),
    "batch": ({"a": ["n", "m", "k"], "x": ["n", "k"]}, "y[n,m] += a[n,m,k] * x[n,k]"),
    "planes": ({"a": ["n", "m", "k"]}, "y[m] = max(y[m], a[n,m,k])"),
    "strided": ({"a": ["2*m", "k"]}, "y[m] += a[2*m,k]"),
}


def row_sums(name: str, accumulate: bool = False, **sizes: int) -> dict[str, Any]:
    """The specification of a statement that reduces over k, of m x n elements at most."""
    tensors, statement = SUMMANDS[name]
    target = statement.split("[", 1)[1].split("]")[0].split(",")
    used = set(target).union(*tensors.values())
    more = {"accumulate": ["y"]} if accumulate else {}
    return {
        "name": name,
        "sizes": {x: size for x, size in sizes.items() if x in used or f"2*{x}" in used},
        "tensors": {**tensors, "y": target},
        "statements": [statement],
        **more,
    }


def _random_band(primitive: Primitive, random: Random) -> Schedule:
    """A dot band of any tile, order and cut of the reduction, whether it is good or not."""
    nest = loop_nest(primitive).nest
    (statement,) = nest.statements
    lanes = random.choice([1, 4, 8, 16])
    others = [loop for loop in statement.loops if loop != "k"]
    random.shuffle(others)
    inside = [x for x in others if x in statement.reduction_loops]
    kept = [x for x in others if x not in inside]
    reduction = [*inside, "k"]
    random.shuffle(reduction)
    order, block = (*kept, *reduction), tuple[tuple[str, int], ...]()
    if kept and random.random() < 0.4:
        order, block = ("k@1", *order), (("k@1", random.randint(1, 3)),)
    tile = {x: random.randint(1, min(4, nest.extent(x))) for x in (*kept, "k")}
    prefetch = random.choice([0, 256])
    band = Band("dot", order, ("k", lanes), tuple(tile.items()), block, prefetch=prefetch)
    if block and random.random() < 0.5:
        band = replace(band, parallel=("k@1",), private=(("y", "k@1"),))
    elif kept and not block and random.random() < 0.3:
        band = replace(band, parallel=(kept[0],))
    return Schedule((band,))


@pytest.mark.parametrize("names", [list(SUMMANDS)[::2], list(SUMMANDS)[1::2]], ids=["even", "odd"])
def test_random_bands(names: list[str], tmp_path: Path) -> None:
    random = Random(",".join(names))
    cases: list[Case] = []
    for name in names:
        for _ in range(5):
            sizes = {"m": random.randint(1, 9), "n": random.randint(1, 5)}
            sizes["k"] = random.choice([2, 7, 16, 31, 64, 100, 131])
            primitive = primitive_from(row_sums(name, random.random() < 0.3, **sizes))
            schedule = _random_band(primitive, random)
            tree = fitted(loop_nest(primitive).nest, schedule)
            assert structural(tree) is None and by_isl(tree) is None, str(schedule)
            assert uncovered(tree) is None, str(schedule)
            cases.append((primitive, schedule))
    check_cases(cases, tmp_path, "dot")


def test_borders_strides_and_statements_on_the_sums(tmp_path: Path) -> None:
    image = shipped("conv2d_bias_relu", ic=37, oc=1, ih=6, iw=7)
    order = "order:oh+ow+kh+kw+ic/layout:data.acdb+weight.acdb"
    strided = shipped("conv2d", ic=21, oc=2, ih=9, iw=8, stride=2, pad_h=1, dilation=2)
    gelu = shipped("matmul_bias_gelu", m=5, n=3, k=40)
    rows = shipped("matmul_bias_gelu", m=21, n=3, k=40)
    lines = [
        (image, f"dot/vector:ic.8/tile:ic.2+ow.3/{order}/fusion:S1.tile"),
        (image, f"dot/vector:ic.16/tile:ic.4/{order}/fusion:S1.tile"),
        (strided, "dot/vector:ic.8/tile:ow.2+oc.2+oh.2/order:oc+oh+ow+kw+kh+ic"
         "/layout:data.acdb+weight.acdb"),
        (gelu, "dot/vector:k.8/tile:k.2+n.3/order:m+n+k/fusion:S1.tile+S2.tile/layout:b.ba"),
        (rows, "dot/vector:k.8/tile:m.4+n.2/order:k@1+m+n+k/block:k@1.2"
         "/fusion:S1.tile+S2.tile/layout:b.ba"),
        (rows, "dot/vector:k.16/tile:m.2+n.3/order:m+n+k/lanes/vector:n.16/order:m+n"
         "/lanes/vector:n.16/tile:m.3/order:m+n/layout:b.ba"),
    ]  # fmt: skip
    cases = [(primitive_from(spec), parse_schedule(line)) for spec, line in lines]
    for primitive, schedule in cases:
        tree = fitted(loop_nest(primitive).nest, schedule)
        assert by_isl(tree) is None and uncovered(tree) is None, str(schedule)
    check_cases(cases, tmp_path, "fused")


def test_candidates_compute_what_they_should(tmp_path: Path) -> None:
    random, cases = Random(3), []
    for name in SUMMANDS:
        spec = row_sums(name, m=random.randint(3, 40), n=3, k=random.choice([24, 50, 64]))
        primitive = primitive_from(spec)
        nest = loop_nest(primitive).nest
        found = dot_schedules(nest, random.choice([NEON, AVX2, AVX512]), random.choice([1, 2]))
        if name != "matrices":  # vectors of m serve all n and may lie so
            assert found, name
        for schedule in random.sample(found, k=min(2, len(found))):
            assert by_isl(fitted(nest, schedule)) is None
            cases.append((primitive, schedule))
    check_cases(cases, tmp_path, "candidates")


def test_what_is_not_natural_is_refused() -> None:
    product = primitive_from(matmul(m=4, n=1, k=64))
    for primitive, line, why in (
        (product, "dot/vector:m.4/order:m+k", "vector loop 'm' is not a loop of a reduction"),
        (product, "dot/vector:k.8/order:k+m", "vector loop 'k' must be one level inside"),
        (product, "dot/vector:k.8/order:m+k@1+k/block:k@1.2", "must be one level inside"),
        (product, "dot/vector:k.8/order:m+k/nontemporal:1", "takes no nontemporal"),
        (product, "dot/vector:k.8/order:m+k/microkernel:product", "no microkernel"),
        (product, "dot/vector:k.8/tile:k.9+m.2/order:m+k/parallel:k", "'k' is inside the micro"),
        (product, "lanes/vector:k.8/order:m+k", "vector loop 'k' is not a loop of the output"),
        (product, "lanes/vector:m.4/tile:k.2/order:m+k", "'k' is a reduction loop"),
        (product, "dot/vector:k.8/order:m+k/layout:b.Ab32a", "blocks of 32 along k are no vec"),
    ):
        with pytest.raises(ScheduleError, match=why):
            compile_schedule(primitive, parse_schedule(line))
