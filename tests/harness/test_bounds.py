"""Numbers of the configuration, and that every one of them has bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from math import inf, nan
from typing import Any, get_args, get_type_hints

import pytest

from compiler.errors import shown
from harness.bounds import check_values, choices_of, one_of, positive, within
from harness.errors import SettingsError
from harness.measure.budget import QUICK, MeasureSettings
from harness.methods import GROUPS
from harness.settings import load_settings
from harness.settings.schema import ConfigSchema, methods

OF_STRATEGIES_AND_BASELINES = [kind for group in GROUPS for kind in methods(group).values()]
# A workload's sizes: the primitive knows what they may be; a network's are held by its reader.
OPEN = {"sizes", "dimensions"}


class Kind(Enum):
    one = "one"


@dataclass
class Inner:
    share: float | None = positive(None, 1)


@dataclass
class Outer:
    count: int = within(3, 1, 10)
    cores: list[int] | None = within(None, 0, 7)
    inner: Inner = field(default_factory=Inner)
    by_name: dict[str, Inner] = field(default_factory=dict)
    kind: Kind = Kind.one
    name: str = ""
    on: bool = False
    anything: Any = None


GOOD: dict[str, Any] = {
    "count": 10,
    "cores": [0, 7],
    "inner": {"share": 1},
    "by_name": {"a": {"share": None}},
    "kind": "one",
    "name": "x",
    "on": True,
    "anything": [nan],
}


def test_what_is_declared_is_allowed() -> None:
    check_values("x", Outer, GOOD)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("count", 0, "x.count must be >= 1, got 0"),
        ("count", 11, "x.count must be <= 10, got 11"),
        ("count", 10**400, "x.count must be <= 10, got an integer of 1329 bits"),
        ("count", True, "x.count must be a whole number, got True"),
        ("count", 1.0, "x.count must be a whole number, got 1.0"),
        ("count", "1", "x.count must be a whole number, got 1"),
        ("count", None, "x.count must be a whole number, got None"),
        ("cores", [1, 8], "x.cores must be <= 7, got 8"),
        ("cores", 1, "x.cores must be a list, got 1"),
        ("inner", {"share": 0}, "x.inner.share must be > 0, got 0"),
        ("inner", {"share": nan}, "x.inner.share must be finite, got nan"),
        ("inner", {"share": inf}, "x.inner.share must be finite, got inf"),
        ("inner", {"share": True}, "x.inner.share must be a number, got True"),
        ("inner", {"share": "0.5"}, "x.inner.share must be a number, got 0.5"),
        ("inner", {}, "x.inner.share is missing"),
        ("inner", 1, "x.inner must be a mapping, got 1"),
        ("by_name", {"a": {"share": 2}}, "x.by_name.a.share must be <= 1, got 2"),
        ("by_name", [], r"x.by_name must be a mapping, got \[\]"),
        ("kind", "two", "x.kind must be one of one, got two"),
        ("kind", [], r"x.kind must be one of one, got \[\]"),
        ("name", 1, "x.name must be a text, got 1"),
        ("on", 1, "x.on must be true or false, got 1"),
    ],
    ids=shown,
)
def test_all_else_is_refused(key: str, value: object, told: str) -> None:
    with pytest.raises(SettingsError, match=f"^{told}"):
        check_values("x", Outer, {**GOOD, key: value})


@pytest.mark.parametrize("schema", [ConfigSchema, MeasureSettings, *OF_STRATEGIES_AND_BASELINES])
def test_every_number_has_bounds(schema: type) -> None:
    assert not list(unbounded(schema))


def unbounded(schema: type) -> Iterator[str]:
    hints = get_type_hints(schema)
    for one in fields(schema):
        kinds = kinds_in(hints[one.name])
        if kinds & {int, float} and one.name not in OPEN and not one.metadata:
            yield f"{schema.__name__}.{one.name}"
        for kind in kinds:
            if is_dataclass(kind) and isinstance(kind, type):
                yield from unbounded(kind)


def kinds_in(hint: Any) -> set[Any]:
    return {hint}.union(*(kinds_in(part) for part in get_args(hint)))


@pytest.mark.parametrize("name", [f.name for f in fields(MeasureSettings)])
@pytest.mark.parametrize("value", [nan, inf, -1, 0, True, 10**400, "1", None], ids=shown)
def test_how_to_measure_is_checked_in_every_number(name: str, value: Any) -> None:
    if isinstance(getattr(QUICK, name), str) and isinstance(value, str) and name != "cache":
        return
    if name == "refuse_noise" and value == 0:  # not even one disturbed sample
        return
    with pytest.raises(SettingsError, match=f"^measure.{name} must be "):
        replace(QUICK, **{name: value})


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["threads=0"], "threads must be >= 1, got 0"),
        (["threads=99999999999999999999"], "threads must be <= 65536"),
        (["seed=-1"], "seed must be >= 0"),
        (["seed=4294967296"], "seed must be <= 4294967295"),
        (["threads=1e400"], "threads: Value 'inf' of type 'float'"),
        (["threads=true"], "threads: Value 'True' of type 'bool'"),
        (["architecture.peak=nan"], "architecture.peak must be finite, got nan"),
        (["architecture.caches.L2.bandwidth=inf"], "architecture.caches.L2.bandwidth must be fin"),
        (["architecture=xeon_8280", "architecture.caches.L1.line=0"], "L1.line must be >= 1"),
        (["cluster.silent_seconds=1e400"], "cluster.silent_seconds must be finite, got inf"),
        (["cluster.cores=[-1]"], "cluster.cores must be >= 0, got -1"),
        (["cluster.cores=[]"], "cluster.cores must name processors"),
        (["strategy=top_k", "strategy.top_k.k=0"], "strategy.top_k.k must be >= 1, got 0"),
        (["strategy=survey", "strategy.survey.best=-1"], "strategy.survey.best must be >= 0"),
        (["baseline=autotvm", "baseline.autotvm.budget_seconds=nan"], "must be finite, got nan"),
        (["strategy.roofline=5"], "strategy.roofline must be a mapping, got 5"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_configuration_is_checked(overrides: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(overrides)
    assert told in str(caught.value)


def test_the_choices_of_a_field() -> None:
    @dataclass
    class Some:
        a: str = one_of("x", ("x", "y"))
        b: list[str] = one_of(None, lambda: ["z"])
        c: int = within(1, 0, 2)
        d: int = 3

    found = {one.name: choices_of(one) for one in fields(Some)}
    assert found == {"a": ("x", "y"), "b": ("z",), "c": (), "d": ()}
