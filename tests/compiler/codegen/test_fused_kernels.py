"""Fused kernels and their statements apart compute what the reference says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from compiler.codegen.generate import generate
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.space.candidates import candidates
from tests.compiler.codegen.batch import Case, check_cases
from tests.compiler.codegen.fused_problems import CHAINS, SHIPPED, chain, random_size
from tests.compiler.machines import AVX2, AVX512, NEON

MACHINES = (NEON, AVX2, AVX512)  # 4, 8 and 16 lanes
NOT_FUSED = {"constant": {2}, "behind": {2}}  # by chain: statements that have no place on a tile


def fused_cases(primitive: Primitive, random: Random, each: int) -> list[Case]:
    """Random candidates of one machine, fused and apart."""
    nest = loop_nest(primitive).nest
    machine = random.choice(MACHINES)
    threads = random.choice([1, 2])
    cases: list[Case] = []
    for fuse in (True, True, False)[:each]:
        schedule = random.choice(candidates(nest, machine, threads, fuse))
        tree = fitted(nest, schedule)
        assert by_isl(tree) is None and uncovered(tree) is None, str(schedule)
        cases.append((primitive, schedule))
    return cases


def test_shipped_chains_of_random_sizes(tmp_path: Path) -> None:
    random = Random(11)
    cases = []
    for _ in range(5):
        for name in SHIPPED:
            cases += fused_cases(primitive_from(random_size(name, random)), random, 3)
    assert any(band.fusion for _, schedule in cases for band in schedule.bands)
    check_cases(cases, tmp_path, "shipped")


def test_chains_of_all_kinds(tmp_path: Path) -> None:
    random = Random(12)
    cases = []
    for name in CHAINS:
        sizes = random.choice([(7, 20, 9), (8, 16, 5), (5, 33, 12)])
        first = random.choice([(), (), ("c[m,n] = x[m,n] - 2",)])
        primitive = primitive_from(chain(name, *sizes, first))
        cases += fused_cases(primitive, random, 3)
        for text in _cut(primitive):
            cases.append((primitive, text))
    check_cases(cases, tmp_path, "chains")


def _cut(primitive: Primitive) -> list[Schedule]:
    """Candidates of which the reduction is cut: small problems have none of their own."""
    nest = loop_nest(primitive).nest
    found = candidates(nest, AVX2)
    for schedule in found:
        for place, band in enumerate(schedule.bands):
            if band.fusion and band.order[-1] == "k" and not band.block:
                order = ("k@1", *band.order)
                cut = parse_schedule(
                    str(schedule).replace(
                        f"order:{'+'.join(band.order)}", f"order:{'+'.join(order)}/block:k@1.4"
                    )
                )
                assert cut.bands[place].block
                return [cut]
    return []


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_fused(name: str) -> None:
    nest = loop_nest(primitive_from(chain(name, 8, 16, 8))).nest
    every = set(range(1, len(nest.statements)))
    for schedule in candidates(nest, AVX512):
        fused = {attached.statement for band in schedule.bands for attached in band.fusion}
        assert fused == every - NOT_FUSED.get(name, set()), str(schedule)
    for schedule in candidates(nest, AVX512, fuse=False):
        assert not any(band.fusion for band in schedule.bands)
        assert len(schedule.bands) == len(nest.statements)


def test_what_only_fused_statements_read_is_never_stored() -> None:
    spec = chain("kept", 8, 16, 8)
    (fused, *_), (apart, *_) = (
        [
            [buffer.name for buffer in generate(fitted(nest, schedule)).buffers]
            for schedule in candidates(nest, AVX2, fuse=fuse)
        ]
        for nest in [loop_nest(primitive_from(spec)).nest]
        for fuse in (True, False)
    )
    assert sorted(fused) == ["a", "b", "c", "x", "y"]
    assert sorted(apart) == ["a", "b", "c", "t", "x", "y"]
    hidden = primitive_from(chain("swish", 8, 16, 8))
    text = "broadcast/vector:n.8/tile:m.4+n.1/order:m+n+k/fusion:S1.tile+S2.tile"
    kernel = compile_schedule(hidden, parse_schedule(text))
    assert "c" not in [buffer.name for buffer in kernel.buffers]
    cut = text.replace("order:", "order:k@1+") + "/block:k@1.4"  # its sums wait there
    kernel = compile_schedule(hidden, parse_schedule(cut))
    assert ("c", "workspace") in [(buffer.name, buffer.role) for buffer in kernel.buffers]
