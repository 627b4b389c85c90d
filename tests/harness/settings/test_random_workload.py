"""workload=random: problems that are drawn, as entries of the configuration."""

from __future__ import annotations

import pytest

from harness.errors import SettingsError
from harness.settings import as_recorded, load_settings


def test_the_configuration_stands_by_itself() -> None:
    (settings,) = load_settings(["workload=random", "workload.seed=4", "workload.count=3"])
    assert [(p.name, p.workload) for p in settings.problems] == [
        (f"random_4_{number}", "random") for number in range(3)
    ]
    held = settings.resolved["workload"]
    assert (held["seed"], held["count"]) == (None, None)
    assert as_recorded(["cluster=serial"], [settings.resolved])[0].problems == settings.problems


def test_entries_are_selected_among_others() -> None:
    (settings,) = load_settings(
        ["workload=[resnet50,random]", "workload.select=[resnet50_03,random_0_17]"]
    )
    assert [p.name for p in settings.problems] == ["resnet50_03", "random_0_17"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["workload=gemms", "workload.seed=1"],
            "workload.seed=1: only workload=random takes a seed and a count",
        ),
        (["workload=random", "workload.count=0"], "workload.count must be >= 1, got 0"),
        (
            ["workload=random", "workload.count=null"],
            "workload=random needs workload.seed and workload.count",
        ),
        (["workload=random", "workload.select=[random_1_0]"], "unknown entry 'random_1_0'"),
    ],
)
def test_what_is_no_random_workload_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(overrides)
    assert message in str(error.value)
    assert len(str(error.value)) <= 300
