"""Dimensions in memory that are one."""

from __future__ import annotations

from harness.strides import joined


def test_dimensions_that_follow_each_other_are_one() -> None:
    assert joined([(2, 12), (3, 4), (1, 99), (4, 1)]) == ((24, 1),)
    assert joined([(3, 4), (2, 12), (4, 1)]) == ((3, 4), (2, 12), (4, 1))
    assert joined([(2, 16), (3, 4), (4, 1)]) == ((2, 16), (12, 1))
    assert joined([(1, 1)]) == ()
