"""workload=benchdnn: a file's problems as entries of the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from harness.errors import SettingsError
from harness.settings import as_recorded, load_settings


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "shapes"
    path.write_text("mb1ic3ih9oc4oh5kh3sh2ph1_n'first'\n8x4:4x2_n'second'\n")
    return path


def test_the_configuration_stands_by_itself(batch: Path) -> None:
    (settings,) = load_settings(["workload=benchdnn", f"workload.batch={batch}"])
    assert [(p.name, p.workload) for p in settings.problems] == [
        ("first", "benchdnn"),
        ("second", "benchdnn"),
    ]
    held = settings.resolved["workload"]
    assert held["batch"] is None
    assert [entry["name"] for entry in held["entries"]["benchdnn"]] == ["first", "second"]
    batch.unlink()
    assert as_recorded(["cluster=serial"], [settings.resolved])[0].problems == settings.problems


def test_entries_are_selected_and_sized_among_others(batch: Path) -> None:
    (settings,) = load_settings(
        [
            "workload=[resnet50,benchdnn]",
            f"workload.batch={batch}",
            "workload.select=[resnet50_03,first]",
            "workload.sizes.n=3",
        ]
    )
    sizes = {p.name: p.spec["sizes"] for p in settings.problems}
    assert list(sizes) == ["resnet50_03", "first"]
    assert [s["n"] for s in sizes.values()] == [3, 3]


def test_a_sweep_reads_the_file_once(batch: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # which gives its text once
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(batch.read_text(),))
    writer.start()
    swept = ["-m", "workload=benchdnn", f"workload.batch={pipe}", "threads=1,2"]
    assert len(load_settings(swept)) == 2
    writer.join()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["workload=benchdnn"], "workload=benchdnn needs a file in benchdnn's format"),
        (["workload=gemms", "workload.batch=x"], "workload.batch=x needs workload=benchdnn"),
        (["workload=benchdnn", "workload.batch=no/such"], "cannot read no/such: No such file"),
    ],
)
def test_a_missing_file_is_told(overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(overrides)
