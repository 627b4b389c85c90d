"""The value of a schedule: its levels, and changes of its only band."""

from __future__ import annotations

import pytest

from compiler.errors import ScheduleError
from compiler.schedule.schedule import Band, Schedule, depth_of, loop_of


def test_levels() -> None:
    assert [(loop_of(x), depth_of(x)) for x in ("ic", "ic@1", "o_h@9")] == [
        ("ic", 0),
        ("ic", 1),
        ("o_h", 9),
    ]


def test_a_band_is_changed_in_place() -> None:
    schedule = Schedule((Band("scalar", ("m", "n")),), layout=(("b", "ba"),))
    assert str(schedule.with_band(parallel=("m",))) == "scalar/order:m+n/parallel:m/layout:b.ba"
    with pytest.raises(ScheduleError, match="parallel level 'k' is not in the order"):
        schedule.with_band(parallel=("k",))


def test_any_band_of_vectors_makes_it_vectorised() -> None:
    scalar, vector = Band("scalar", ("m",)), Band("broadcast", ("m",), ("m", 8))
    assert not Schedule((scalar,)).vectorised
    assert Schedule((scalar, vector)).vectorised
    assert not Schedule((Band("broadcast", ("m",), ("m", 1)),)).vectorised
