"""Boxes of iterations, and how many of them meet in one element."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod

import pytest

from compiler.problem.iteration import meeting, stepped_loops
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import OPERATORS, RECURRENCE


def test_a_recurrence_steps_only_the_loop_that_carries_it() -> None:
    statement = primitive_from(RECURRENCE).statements[0]
    assert stepped_loops(statement, {"t": 5, "i": 6}) == ("t",)


@pytest.mark.parametrize("name", OPERATORS)
def test_the_terms_of_an_element_are_counted(name: str) -> None:
    primitive = primitive_from(OPERATORS[name])
    extents = dict(primitive.extents)
    for statement in primitive.statements:
        if statement.reduction is None:
            continue
        points = product(*(range(extents[loop]) for loop in statement.loops))
        ats = (dict(zip(statement.loops, point, strict=True)) for point in points)
        met = Counter(tuple(i.at(at) for i in statement.target.indices) for at in ats)
        bound = prod(count for _, count in meeting(statement, extents))
        assert max(met.values()) == bound
