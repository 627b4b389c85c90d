"""A wrong kernel does not pass: single-token mutants of all forms, and what verification says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.mutation.forms import FUSED, LARGE, SMALL, STAGED
from tests.mutation.mutants import all_mutants, mutants
from tests.mutation.outcomes import escaped, killed, outcomes, subject, table

SEED = 20261204
OF_EACH, OF_EACH_FUSED, AT_LEAST = 2, 1, 50
GOLDEN = Path(__file__).parents[1] / "compiler" / "codegen" / "golden"


@pytest.mark.timeout(600)
def test_nothing_wrong_passes(tmp_path: Path) -> None:
    """At least 50 that are caught beside the equivalent ones, and none that is not caught."""
    sizes = [(form, OF_EACH) for form in (*LARGE, *SMALL)]
    sizes += [(form, OF_EACH_FUSED) for form in (*FUSED, *STAGED)]
    found = outcomes([subject(form, count, SEED) for form, count in sizes], tmp_path)
    print(table(found))
    assert escaped(found) == []
    assert len(killed(found)) >= AT_LEAST
    for parts in (("remainder", "border"), ("fused", "function")):
        assert sum(o.mutant.part in parts for o in killed(found)) >= AT_LEAST // 10


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.c")), ids=lambda path: path.stem)
def test_a_mutant_differs_in_one_line(path: Path) -> None:
    text = path.read_text()
    lines = text.split("\n")
    for mutant in random.Random(0).sample(all_mutants(text), 100):
        changed = mutant.of(text).split("\n")
        assert [i for i in range(len(lines)) if lines[i] != changed[i]] == [mutant.line]
        assert f"+ {changed[mutant.line].strip()}" in str(mutant)


def test_parts_are_told_by_function() -> None:
    conv = {m.part for m in all_mutants((GOLDEN / "conv2d_padded.c").read_text())}
    assert conv == {"border", "loops", "macro"}
    matmul = {m.part for m in all_mutants((GOLDEN / "matmul_remainders.c").read_text())}
    assert {"interior", "remainder"} <= matmul
    packed = {m.part for m in all_mutants((GOLDEN / "conv2d_pixels_packed.c").read_text())}
    assert {"packing", "border", "interior"} <= packed


def test_a_seed_gives_the_same_mutants() -> None:
    text = (GOLDEN / "matmul_remainders.c").read_text()
    drawn = [mutants(text, random.Random(seed), 40) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({(m.line, m.after) for m in drawn[0]}) == 40
    assert len({m.operator for m in drawn[0]}) > 8
