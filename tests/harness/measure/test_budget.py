from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import SettingsError
from harness.measure.budget import PRESETS, QUICK


def test_presets_differ_in_their_budget() -> None:
    assert PRESETS["quick"].budget_seconds < PRESETS["careful"].budget_seconds
    assert all(name == preset.name for name, preset in PRESETS.items())


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"measure\.half_width must be > 0, got 0"):
        replace(QUICK, half_width=0)
    with pytest.raises(SettingsError, match=r"max_processes must be >= measure\.processes \(3\)"):
        replace(QUICK, max_processes=2)
