from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.journal import CampaignFolder, CampaignWriter, find_campaign
from harness.record.result_line import line_of
from tests.harness.record.results import Left, baseline_result, strategy_result

SAMPLE = {"process": 0, "block": 0, "position": 1, "seconds": 0.5, "calls": 9, "flags": ["steal"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "toy"


def test_a_unit_is_read_back(path: Path) -> None:
    results = (baseline_result(), strategy_result())
    trial = results[1].trial
    with CampaignWriter(path) as writer:
        writer.write_configuration("threads: 1\n")
        writer.record(
            [
                Left(
                    results,
                    samples={trial: [SAMPLE]},
                    candidates={trial: [{"schedule": "a", "measured": None}, {"schedule": "b"}]},
                    kernels={"0123": "void f(void) {}\n"},
                )
            ]
        )
    folder = CampaignFolder(path)
    assert folder.name == "toy"
    assert folder.results() == results
    assert folder.samples(trial) == [SAMPLE]
    assert [row["schedule"] for row in folder.candidates(trial)] == ["a", "b"]
    assert folder.kernel_file("0123").read_text() == "void f(void) {}\n"
    assert not folder.samples("other") and not folder.candidates("other")
    assert not list(path.rglob("*.partial"))


def test_the_last_line_of_a_trial_counts(path: Path) -> None:
    again = baseline_result(attempt=2, gflops=1.0)
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result(), strategy_result()])])
        writer.record([Left([again])])
    assert CampaignFolder(path).results() == (again, strategy_result())


def test_a_torn_line_does_not_count_and_is_healed(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()])])
    folder = CampaignFolder(path)
    with folder.results_file.open("a") as file:
        file.write(line_of(strategy_result())[:200])
    assert folder.results() == (baseline_result(),)
    with CampaignWriter(path, resume=True) as writer:
        writer.record([Left([strategy_result()])])
    assert folder.results() == (baseline_result(), strategy_result())


def test_a_broken_line_is_told_with_its_number_and_skipped(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()])])
        writer.record([Left([strategy_result()])])
    folder = CampaignFolder(path)
    first, second = folder.results_file.read_text().splitlines()
    folder.results_file.write_text(f"{first}\n{{broken\n{second}\n")
    assert folder.results() == (baseline_result(), strategy_result())
    (told,) = caplog.messages
    assert "results.jsonl line 2: " in told and told.endswith("it is skipped")


def test_a_journal_without_a_whole_line_is_refused(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()])])
    folder = CampaignFolder(path)
    for text, why in (
        ("{broken\n[]\n", r"results\.jsonl line 1: .*; no line of it is whole"),
        (folder.results_file.read_text() + '{"schema": 2}\n', "line 2: unknown schema 2"),
    ):
        folder.results_file.write_text(text)
        with pytest.raises(RecordError, match=why):
            folder.results()


def test_a_file_that_is_none_does_not_keep_its_reader_waiting(path: Path) -> None:
    path.mkdir(parents=True)
    os.mkfifo(path / "results.jsonl")
    with pytest.raises(RecordError, match="is no regular file"):
        CampaignFolder(path).results()


def test_two_drivers_are_refused_with_the_owners_pid(path: Path) -> None:
    with CampaignWriter(path), pytest.raises(RecordError, match=f"in use by pid {os.getpid()} of"):
        CampaignWriter(path)
    CampaignWriter(path).close()


def test_a_dead_driver_leaves_no_lock(path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from harness.record.journal import *;"
        "writer = CampaignWriter(Path(sys.argv[1])); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=30)
    assert done.returncode == 9
    CampaignWriter(path).close()


@pytest.mark.parametrize("marked", [".", "results.jsonl"])
def test_a_read_only_folder_is_refused(path: Path, marked: str) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()])])
    (path / marked).chmod(0o555)
    try:
        with pytest.raises(RecordError, match="is read-only"):
            CampaignWriter(path, resume=True)
    finally:
        (path / marked).chmod(0o755)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a file"):
        CampaignWriter(tmp_path / "file")
    with pytest.raises(RecordError, match="cannot be written: Not a directory"):
        CampaignWriter(tmp_path / "file" / "toy")


def test_folders_that_hold_something_else_are_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(RecordError, match="holds no campaign to resume"):
        CampaignWriter(path, resume=True)
    (path / "thesis.tex").touch()
    with pytest.raises(RecordError, match="is not empty and holds no campaign"):
        CampaignWriter(path)
    assert [p.name for p in path.iterdir()] == ["thesis.tex"]


def test_a_finished_campaign_is_not_overwritten(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()])])
    with pytest.raises(RecordError, match=f"campaign.resume={path} continues it"):
        CampaignWriter(path)


def test_an_older_configuration_is_kept(path: Path) -> None:
    with CampaignWriter(path) as writer:
        for text in ("a: 1\n", "a: 1\n", "a: 2\n", "a: 3\n"):
            writer.write_configuration(text)
    assert (path / "campaign.yaml").read_text() == "a: 3\n"
    assert (path / "campaign.1.yaml").read_text() == "a: 1\n"
    assert (path / "campaign.2.yaml").read_text() == "a: 2\n"


def test_names_form_no_path(path: Path) -> None:
    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(RecordError, match="names no file of a campaign"):
            CampaignFolder(path).samples_file(name)


def test_a_campaign_is_found_by_folder_and_by_name(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.write_configuration("")
    assert find_campaign(str(path), path.parent).path == path
    assert find_campaign("toy", path.parent).path == path
    with pytest.raises(RecordError, match=r"campaign 'tow': no such folder.*known there: toy"):
        find_campaign("tow", path.parent)
