from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.identity import identity_of, line_id
from harness.record.journal import CampaignFolder
from harness.record.result_line import line_of
from harness.record.writer import CampaignWriter
from tests.harness.record.results import Left, baseline_result, strategy_result

SAMPLE = {"process": 0, "block": 0, "position": 1, "seconds": 0.5, "calls": 9, "flags": ["steal"]}

STARTED: dict[str, object] = {"versions": {}, "nodes": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "toy"


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


def test_wherever_a_journal_is_torn_its_whole_lines_stand(path: Path) -> None:
    """At every byte of results.jsonl and starts.jsonl, as a crash of the machine may leave them."""
    results = (baseline_result(), strategy_result(), baseline_result("conv_b"))
    with CampaignWriter(path) as writer:
        for moment in ("once", "again"):
            writer.write_start({"started": moment, "code": "", "git_commit": ""} | STARTED)
        writer.record([Left(results)])
    folder = writer.folder
    whole, starts = folder.results_file.read_bytes(), folder.starts_file.read_bytes()
    for at in range(len(whole) + 1):
        folder.results_file.write_bytes(whole[:at])
        assert folder.results() == results[: whole[:at].count(b"\n")]
    for at in (*range(0, len(whole), 97), *(at for at in range(len(whole)) if whole[at] == 10)):
        folder.results_file.write_bytes(whole[:at])
        folder.starts_file.write_bytes(starts[: at * len(starts) // len(whole)])
        kept, begun = folder.results(), folder.starts()
        with CampaignWriter(path, resume=True) as writer:
            writer.write_start({"started": "now", "code": "", "git_commit": ""} | STARTED)
            writer.record([Left(results)])
        assert folder.results() == results and folder.results()[: len(kept)] == kept
        assert [start["started"] for start in folder.starts()][: len(begun)] == [
            start["started"] for start in begun
        ]
        assert folder.starts()[-1]["started"] == "now"
        identity = identity_of(folder.identity_file, folder.results_file)
        assert identity.first == line_id(line_of(results[0]).encode())


def test_two_drivers_are_refused_with_the_owners_pid(path: Path) -> None:
    with CampaignWriter(path), pytest.raises(RecordError, match=f"in use by pid {os.getpid()} of"):
        CampaignWriter(path)
    CampaignWriter(path).close()


def test_a_dead_driver_leaves_no_lock(path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from harness.record.writer import *;"
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


def test_what_was_cut_short_is_taken_away(path: Path) -> None:
    with CampaignWriter(path) as writer:
        writer.record([Left([baseline_result()], kernels={"0123": "void f(void) {}\n"})])
    cut = [path / ".campaign.yaml.partial", path / "kernels" / "01" / ".0167.c.partial"]
    for file in cut:
        file.write_text("void")
    with CampaignWriter(path, resume=True):
        assert not any(file.exists() for file in cut)
    assert (path / "kernels" / "01" / "0123.c").exists()
