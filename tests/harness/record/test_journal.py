from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.writer import CampaignWriter
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


def test_names_form_no_path(path: Path) -> None:
    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(RecordError, match="names no file of a campaign"):
            CampaignFolder(path).samples_file(name)


def test_a_campaign_is_found_by_folder_and_by_name(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.write_configuration("")
    assert find_campaign(str(path), path.parent).path == path
    assert find_campaign("toy", path.parent).path == path
    with pytest.raises(RecordError, match=r"campaign 'tow': no such folder.*known: toy"):
        find_campaign("tow", path.parent)
    (path.parent / "empty").mkdir()
    with pytest.raises(RecordError, match="empty': that folder holds none; known: toy"):
        find_campaign(str(path.parent / "empty"), path.parent)


def test_files_of_campaigns_of_before_stay_where_they_are(tmp_path: Path) -> None:
    """Then they were all in one folder; now they are by the first two characters."""
    folder = CampaignFolder(tmp_path)
    assert folder.samples_file("0123") == tmp_path / "samples" / "01" / "0123.json"
    before = tmp_path / "samples" / "0123.json"
    before.parent.mkdir()
    before.write_text("[]")
    assert folder.samples_file("0123") == before
    assert folder.kernel_file("a") == tmp_path / "kernels" / "a." / "a.c"


def test_what_lines_share_is_held_once(tmp_path: Path) -> None:
    with CampaignWriter(tmp_path / "toy") as writer:
        writer.record([Left([baseline_result("a"), baseline_result("b")])])
        one, other = writer.folder.results()
        assert one.host is other.host and one.versions is other.versions
        assert one.node is other.node and one.problem != other.problem
        writer.record([Left([baseline_result("a", gflops=1.0)])])
        assert [line.gflops for line in writer.folder.lines()] == [180.5, 180.5, 1.0]
        assert [line.gflops for line in writer.folder.results()] == [1.0, 180.5]
