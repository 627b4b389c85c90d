from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.configuration import configuration_text, documents_in
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.kept import write_kept
from harness.record.writer import CampaignWriter
from harness.settings import load_settings
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.harness.record.test_journal import SAMPLE

AGAIN = {
    "schedule": "a",
    "roles": ["fastest"],
    "seconds": {"median": 0.5, "min": 0.4, "ci95": [0.4, 0.6], "samples": 9},
    "share": 1.0,
    "ci95": [1.0, 1.0],
}


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    result = strategy_result(
        versions={"onednn": "3.2.0", "onednn_library": "/home/somebody/.venv/lib/libdnnl.so"}
    )
    failed = baseline_result(status="failed", reason="no file at /home/somebody/.cache/x/k.so")
    plain = load_settings(["primitive=matmul", "campaign.dir=/home/somebody/runs/one"])[0].resolved
    words = ["run", "primitive=matmul", "campaign.dir=/home/somebody/runs/one"]
    with CampaignWriter(tmp_path / "one") as writer:
        writer.write_configuration(configuration_text([plain], words))
        start = {"command": ["polydl", *words], "code": "c", "git_commit": "g", "versions": {}}
        writer.write_start({**start, "nodes": {"f": "gcc"}})
        writer.record([Left([strategy_result(gflops=1.0), failed])])
        rows = [{"schedule": "a", "measured": 0.5}, {"schedule": "b", "measured": None}]
        writer.record(
            [
                Left(
                    [result],
                    {result.trial: [SAMPLE]},
                    {result.trial: rows},
                    {"0123": "void f(void) {}\n"},
                    {result.trial: [AGAIN]},
                )
            ]
        )
    return CampaignFolder(tmp_path / "one")


def test_a_kept_campaign_is_read_as_any_other(folder: CampaignFolder, tmp_path: Path) -> None:
    kept = write_kept(folder, tmp_path / "kept" / "here")
    assert find_campaign(str(kept.path)).kept
    (first, second), (own, other) = folder.results(), kept.results()
    assert own.gflops == first.gflops and own.trial == first.trial
    assert own.versions == {"onednn": "3.2.0", "onednn_library": "libdnnl.so"}
    assert (other.status, other.reason) == (second.status, "no file at k.so")
    trial = own.trial
    assert kept.samples(trial) == folder.samples(trial) == [SAMPLE]
    assert kept.candidates(trial) == folder.candidates(trial) and len(kept.candidates(trial)) == 2
    assert kept.again(trial) == folder.again(trial) and len(kept.again(trial)) == 1
    assert kept.kernel("0123") is None and kept.samples(other.trial) == []
    assert kept.starts()[0]["command"] == "polydl run primitive=matmul"
    (document,) = documents_in(kept.configuration)
    assert document["campaign"]["dir"] is None and document["primitive"]["name"] == "matmul"


def test_nothing_tells_where_it_lay(folder: CampaignFolder, tmp_path: Path) -> None:
    kept = write_kept(folder, tmp_path / "kept")
    for file in kept.path.iterdir():
        held = file.read_bytes()
        text = (gzip.decompress(held) if file.suffix == ".gz" else held).decode()
        assert "somebody" not in text, file.name


def test_it_gives_itself(folder: CampaignFolder, tmp_path: Path) -> None:
    kept = write_kept(folder, tmp_path / "kept")
    before = {file.name: file.read_bytes() for file in kept.path.iterdir()}
    again = write_kept(kept, tmp_path / "again")
    assert {file.name: file.read_bytes() for file in again.path.iterdir()} == before
    repacked = gzip.compress(gzip.decompress(before["results.jsonl.gz"]), 1)
    kept.results_file.write_bytes(repacked)  # as another library packs it
    write_kept(folder, kept.path)
    assert kept.results_file.read_bytes() == repacked


def test_what_is_kept_is_for_reading_alone(folder: CampaignFolder, tmp_path: Path) -> None:
    kept = write_kept(folder, tmp_path / "kept")
    with pytest.raises(RecordError, match="holds a kept campaign, which is read alone"):
        CampaignWriter(kept.path, resume=True)


def test_other_folders_are_refused(folder: CampaignFolder, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds something else than a kept campaign"):
        write_kept(folder, folder.path)
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a file"):
        write_kept(folder, tmp_path / "file")
    with CampaignWriter(tmp_path / "empty") as writer:
        writer.write_configuration("threads: 1\n")
    with pytest.raises(RecordError, match="has no results to keep"):
        write_kept(CampaignFolder(tmp_path / "empty"), tmp_path / "kept")


@pytest.mark.parametrize("spoilt", ["cut", "garbled"])
def test_a_spoilt_file_is_one_line(folder: CampaignFolder, tmp_path: Path, spoilt: str) -> None:
    kept = write_kept(folder, tmp_path / "kept")
    held = kept.results_file.read_bytes()
    kept.results_file.write_bytes(held[:-20] if spoilt == "cut" else b"\x1f\x8b" + held[9:])
    with pytest.raises(RecordError, match="cannot be read"):
        kept.results()


@pytest.mark.parametrize("kind", ["samples", "candidates", "again"])
def test_without_a_spoilt_file_the_rest_stands(
    folder: CampaignFolder, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_kept(folder, tmp_path / "kept").packed_file(kind)
    file.write_bytes(file.read_bytes()[:-9])
    kept = CampaignFolder(tmp_path / "kept")
    trials = [result.trial for result in kept.results()]
    assert [getattr(kept, kind)(trial) for trial in trials] == [[], []]
    assert caplog.text.count("cannot be read") == 1  # the file is opened once


def test_rows_of_other_versions_are_left_out(folder: CampaignFolder, tmp_path: Path) -> None:
    kept = write_kept(folder, tmp_path / "kept")
    file = kept.packed_file("again")
    line = json.loads(gzip.decompress(file.read_bytes()))
    line["rows"][0]["share"] = "much"
    file.write_bytes(gzip.compress(f"{json.dumps(line)}\n".encode()))
    assert CampaignFolder(kept.path).again(line["trial"]) == []
