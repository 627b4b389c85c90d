"""Factors behind sums: the same values, and where nothing may be moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.errors import ScheduleError
from compiler.model.reassociation import REASSOCIATE, reassociated
from compiler.pipeline import compile_schedule, normal_form, parse_schedule, ranked_schedules
from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import check_cases
from tests.compiler.machines import AVX2

ATTENTION: dict[str, Any] = {
    "name": "attend",
    "sizes": {"m": 24, "n": 32, "k": 16, "v": 16},
    "tensors": {
        "q": ["m", "k"],
        "keys": ["n", "k"],
        "values": ["n", "v"],
        "scores": ["m", "n"],
        "total": ["m"],
        "out": ["m", "v"],
    },
    "temporary": ["scores", "total"],
    "statements": [
        "scores[m,n] += q[m,k] * keys[n,k]",
        "scores[m,n] = exp(scores[m,n])",
        "total[m] += scores[m,n]",
        "scores[m,n] = scores[m,n] / total[m]",
        "out[m,v] += scores[m,n] * values[n,v]",
    ],
}


def changed(number: int, text: str, **fields: Any) -> dict[str, Any]:
    """Attention with one statement written otherwise."""
    statements = [*ATTENTION["statements"]]
    statements[number] = text
    return {**ATTENTION, "statements": statements, **fields}


def test_a_division_is_moved_behind_the_sum() -> None:
    primitive = primitive_from(ATTENTION)
    moved = reassociated(primitive)
    assert moved is not None
    assert [str(s.target) for s in moved.statements][-2:] == ["out[m, v]", "out[m, v]"]
    assert moved.statements[-2].reduction == "add" and moved.statements[-1].reduction is None
    assert reassociated(moved) is None
    inputs = random_inputs(primitive, seed=3)
    one, other = (reference(p, inputs) for p in (primitive, moved))
    np.testing.assert_allclose(one["out"], other["out"], rtol=1e-12)


STAYS = {
    "the sum runs along it": changed(3, "scores[m,n] = scores[m,n] / (total[m] + keys[n,0])"),
    "it is an output": {**ATTENTION, "temporary": ["total"]},
    "the sum goes on from the caller's values": {**ATTENTION, "accumulate": ["out"]},
    "it is a term, no factor": changed(4, "out[m,v] += scores[m,n] + values[n,v]"),
    "it is no factor of its own": changed(3, "scores[m,n] = scores[m,n] - total[m]"),
    "it divides, and is not divided": changed(3, "scores[m,n] = total[m] / scores[m,n]"),
    "the sum reads what it has summed": changed(
        4, "out[m,v] += scores[m,n] * values[n,v] * out[m,v]"
    ),
    "the sum goes on from another one": {
        **ATTENTION,
        "statements": ["out[m,v] += values[m,v]", *ATTENTION["statements"]],
    },
    "the factor is another one by then": {
        **ATTENTION,
        "statements": [
            *ATTENTION["statements"][:4],
            "total[m] = total[m] + 1",
            ATTENTION["statements"][4],
        ],
    },
    "rows are read beside it": changed(
        4, "out[m,v] += scores[m + 1,n] * values[n,v]", outside={"scores": 0}
    ),
}


@pytest.mark.parametrize("why", STAYS)
def test_what_would_be_another_value_stays(why: str) -> None:
    assert reassociated(primitive_from(STAYS[why])) is None


def test_it_is_offered_where_it_is_allowed_and_refused_elsewhere(tmp_path: Path) -> None:
    primitive = primitive_from(ATTENTION)
    assert not any(one.schedule.numerics for one in ranked_schedules(primitive, AVX2))
    found = ranked_schedules(primitive, AVX2, numerics=[REASSOCIATE])
    schedule = next(one.schedule for one in found if one.schedule.numerics)
    assert {one.schedule.numerics for one in found} == {(), (REASSOCIATE,)}
    assert [one.place for one in found] == sorted(one.place for one in found)
    assert parse_schedule(str(schedule)) == schedule
    compile_schedule(primitive, schedule, [REASSOCIATE])
    with pytest.raises(ScheduleError, match=r"allow it with numerics=\[reassociate\]"):
        compile_schedule(primitive, schedule)
    check_cases([(normal_form(primitive, schedule), schedule)], tmp_path, "moved")


def test_a_schedule_that_moves_nothing_is_refused() -> None:
    schedule = parse_schedule("scalar/order:m+n+k/numerics:reassociate")
    product = primitive_from(
        {
            "name": "product",
            "sizes": {"m": 4, "n": 4, "k": 4},
            "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
            "statements": ["c[m,n] += a[m,k] * b[k,n]"],
        }
    )
    with pytest.raises(ScheduleError, match="no factor can be moved behind a sum"):
        compile_schedule(product, schedule, [REASSOCIATE])
    with pytest.raises(ScheduleError, match="unknown 'fast'; known: reassociate"):
        parse_schedule("scalar/order:m+n+k/numerics:fast")
