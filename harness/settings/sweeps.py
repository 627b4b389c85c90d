"""What a sweep stands for: every form of Hydra's grammar is expanded or refused in one line.

    a,b   choice(a,b)   range(1,9,2)   glob(conv*)   shuffle(...)   sort(...)   tag(x,...)

Values are counted before they are expanded: range(1,10**18) is no list that anybody waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from math import ceil, isfinite, prod

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    RangeSweep,
    Sweep,
)

from compiler.errors import shown
from harness.errors import SettingsError

SWEPT = ("primitive", "workload", "strategy", "baseline", "architecture", "threads")
MOST_COMBINATIONS = 50_000

OptionsOf = Callable[[str], Sequence[str]]


def combinations(
    overrides: Sequence[Override], multirun: bool, options_of: OptionsOf
) -> list[tuple[str, ...]]:
    """Every combination, as lists of plain overrides; one where nothing is swept.

    `options_of` gives the options of a group, none where there is no such group.
    """
    sweeps = {
        place: _sweep(override, multirun, options_of)
        for place, override in enumerate(overrides)
        if override.is_sweep_override()
    }
    counted = prod(sweep.count for sweep in sweeps.values())
    if counted > MOST_COMBINATIONS:
        raise SettingsError(
            f"the sweep has {shown(counted)} combinations; {MOST_COMBINATIONS} are allowed"
        )
    choices = [
        sweeps[place].texts() if place in sweeps else [override.input_line or ""]
        for place, override in enumerate(overrides)
    ]
    return list(product(*choices))


class _Swept:
    """One override's values, counted and not yet made."""

    def __init__(self, override: Override, count: int, values: Sequence[str] | None = None) -> None:
        self.count = count
        self._override = override
        self._values = values

    def texts(self) -> list[str]:
        """An override for each value."""
        values = self._values
        if values is None:
            values = list(self._override.sweep_string_iterator())
        return [f"{self._override.get_key_element()}={value}" for value in values]


def _sweep(override: Override, multirun: bool, options_of: OptionsOf) -> _Swept:
    text, key, value = shown(override.input_line), override.key_or_group, override.value()
    root = key.split(".")[0].split("@")[0]
    if not multirun:
        raise SettingsError(f"'{text}' is a sweep: add -m, or write a list as key=[a,b]")
    if root not in SWEPT:
        raise SettingsError(f"'{text}': only {', '.join(SWEPT)} can be swept, not {root}")
    if override.is_delete():
        raise SettingsError(f"'{text}': what is left out cannot be swept")
    if isinstance(value, IntervalSweep):
        raise SettingsError(f"'{text}': an interval cannot be enumerated; write range(...)")
    if isinstance(value, Glob):
        options = options_of(key)
        found = value.filter(list(options))
        if not found:
            known = ", ".join(options) or f"none, {key} is no group"
            raise SettingsError(f"'{text}' matches no option; known: {known}")
        return _Swept(override, len(found), found)
    if isinstance(value, RangeSweep):
        return _Swept(override, _in_range(value, text))
    assert isinstance(value, ChoiceSweep)
    if any(isinstance(one, Sweep | Glob) for one in value.list):
        raise SettingsError(f"'{text}': a sweep cannot be a value of another sweep")
    if not value.list:
        raise SettingsError(f"'{text}' gives no value")
    return _Swept(override, len(value.list))


def _in_range(value: RangeSweep, text: str) -> int:
    """How many values it has. Raises SettingsError where it has none or no end."""
    start, stop, step = (
        0 if part is None else part for part in (value.start, value.stop, value.step)
    )
    if not all(isfinite(part) for part in (start, stop, step) if isinstance(part, float)):
        raise SettingsError(f"'{text}': start, stop and step of a range must be finite")
    if step == 0:
        raise SettingsError(f"'{text}': the step of a range must not be 0")
    count = ceil((Fraction(stop) - Fraction(start)) / Fraction(step))
    if count < 1:
        raise SettingsError(f"'{text}' gives no value")
    return count
