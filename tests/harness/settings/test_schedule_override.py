"""A schedule's text can be pasted as the value of an override, unquoted."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings

from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.schedule.strategies import schedules

PARSER = OverridesParser.create()
TEXTS = (
    "broadcast/vector:oc.8/tile:oc.4+oh.3/order:ic@2+oc+oh+ow+ic@1+kh+kw+ic"
    "/block:ic@1.64+ic@2.256/layout:data.aBcd64b+out.aBcd8b+weight.ABcd64b8a/unroll:4",
    "scalar/order:m+n+k",
    "scalar/order:m/nontemporal:1",
)


def _through_hydra(text: str) -> object:
    override = PARSER.parse_override(f"strategy.fixed.schedule={text}")
    assert not override.is_sweep_override()
    return override.value()


@pytest.mark.parametrize("text", TEXTS)
def test_real_texts(text: str) -> None:
    assert _through_hydra(text) == text


@settings(max_examples=25, deadline=None, derandomize=True)
@given(schedules())
def test_any_schedule(schedule: Schedule) -> None:
    value = _through_hydra(str(schedule))
    assert value == str(schedule)
    assert isinstance(value, str)
    assert parse_schedule(value) == schedule
