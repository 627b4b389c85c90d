from __future__ import annotations

import pytest

from harness.errors import SettingsError
from harness.measure.budget import MeasureSettings
from harness.settings import load_settings
from harness.settings.conversion import settings_from


def measured(options: dict[str, object]) -> MeasureSettings:
    """The measure settings of a recorded configuration with these alone."""
    (settings,) = load_settings(["primitive=matmul"])
    return settings_from({**settings.resolved, "measure": options}).measure


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"patience": 1}, "unknown key 'patience'; known: name, cache"),
        ({"processes": 1.5}, "measure.processes must be a whole number, got 1.5"),
        ({"cache": "tepid"}, "hot or cold"),
        ({"budget_seconds": -1.0}, "must be > 0"),
        ({"half_width": True}, "measure.half_width must be a number, got True"),
        ({"budget_seconds": "5"}, "measure.budget_seconds must be a number, got 5"),
        ({"processes": True}, "measure.processes must be a whole number, got True"),
        ({"name": 5}, "measure.name must be a text, got 5"),
    ],
)
def test_measure_settings_are_checked(options: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        measured(options)


def test_whole_numbers_may_stand_for_seconds() -> None:
    assert measured({"budget_seconds": 2}).budget_seconds == 2
