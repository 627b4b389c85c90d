"""Campaigns in one sqlite store: found by their ids, whatever names, copies and drivers do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.record.identity import line_id
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.record.result_line import line_of
from harness.record.writer import CampaignWriter
from harness.tracking.client import client_of
from harness.tracking.overview import overview
from harness.tracking.sink import MlflowSink, Synced, sync
from harness.tracking.store import CAMPAIGN, PARENT, Store
from tests.harness.record.results import Left, baseline_result, strategy_result

DRIVERS = 6


# Loaded once and forked: each is a process of its own when it opens the store.
RACE = """
import os, sys
from pathlib import Path
from harness.tracking import client, store
from harness.record.journal import CampaignFolder
client.load_mlflow()
uri, *folders = sys.argv[1:]
children = []
for folder in folders:
    child = os.fork()
    if child == 0:
        store = store.Store(CampaignFolder(Path(folder)), uri, "race")
        store.write_journal()
        os._exit(0 if store.written == 2 else 1)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A fresh store that several drivers opened at once, and how these ended."""
    home = tmp_path_factory.mktemp("store")
    folders = [folder_of(home / f"{n}" / "toy", *measured(n + 1)) for n in range(DRIVERS)]
    words = [f"sqlite:///{home / 'mlflow.db'}", *(str(folder.path) for folder in folders)]
    command = [sys.executable, "-W", "ignore", "-c", RACE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    return home / "mlflow.db", done.stdout + done.stderr


@pytest.fixture
def uri(raced: tuple[Path, str], tmp_path: Path) -> str:
    """Of a store of this test's own; to make one anew takes seconds."""
    shutil.copy(raced[0], tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def folder_of(path: Path, *results: TrialResult) -> CampaignFolder:
    with CampaignWriter(path) as writer:
        writer.write_start({"started": "now"})
        writer.record([Left(results)])
        return writer.folder


def measured(day: int) -> tuple[TrialResult, ...]:
    """The same trials, measured on another day."""
    when = f"2026-01-{day:02}T03:04:05.678+00:00"
    return (
        baseline_result(started=when, gflops=100.0 + day),
        strategy_result(started=when, gflops=100.0 + day),
    )


def go_on(folder: CampaignFolder, *results: TrialResult) -> None:
    with CampaignWriter(folder.path, resume=True) as writer:
        writer.record([Left(results)])


class Runs:
    """What a store holds of the experiment."""

    def __init__(self, uri: str, experiment: str = "polydl") -> None:
        self.client = client_of(uri)
        self._experiment = self.client.get_experiment_by_name(experiment).experiment_id

    def found(self, condition: str = "") -> list[Any]:
        return list(self.client.search_runs([self._experiment], condition))

    @property
    def parents(self) -> list[Any]:
        return self.found("tags.kind = 'campaign'")

    def children(self) -> dict[str, list[float]]:
        """GFLOP/s of every campaign's runs, by its id."""
        return {
            parent.data.tags.get(CAMPAIGN, ""): sorted(
                run.data.metrics["gflops"]
                for run in self.found(f"tags.`{PARENT}` = '{parent.info.run_id}'")
            )
            for parent in self.parents
        }


def test_drivers_that_open_a_fresh_store_at_once(raced: tuple[Path, str]) -> None:
    store, told = raced
    assert told == f"{[0] * DRIVERS}\n"
    held = Runs(f"sqlite:///{store}", "race").children()
    assert sorted(held.values()) == [[101.0 + n] * 2 for n in range(DRIVERS)]


def test_two_campaigns_of_one_name_leave_each_other_alone(tmp_path: Path, uri: str) -> None:
    one, other = (folder_of(tmp_path / f"{n}" / "toy", *measured(n)) for n in (1, 2))
    assert [sync(f, uri, "polydl").written for f in (one, other, one, other)] == [2, 2, 0, 0]
    held = Runs(uri).children()
    assert sorted(held.values()) == [[101.0, 101.0], [102.0, 102.0]]


def test_after_a_sync_the_store_is_one_file(tmp_path: Path, uri: str) -> None:
    sync(folder_of(tmp_path / "toy", *measured(1)), uri, "polydl")
    left = {file.name for file in tmp_path.glob("mlflow.db*")}
    assert left == {"mlflow.db", "mlflow.db.lock"}
    copy = shutil.copy(tmp_path / "mlflow.db", tmp_path / "copy.db")
    assert list(Runs(f"sqlite:///{copy}").children().values()) == [[101.0, 101.0]]


def test_addresses_of_files_become_relative(tmp_path: Path, uri: str) -> None:
    """Those of a store from before 0.2.0, moved since."""
    client = client_of(uri)
    client.create_experiment("polydl", artifact_location="file:///gone/runs/mlartifacts")
    folder = folder_of(tmp_path / "toy", *measured(1))
    other = client.create_experiment("theirs", artifact_location="s3://bucket/mlartifacts")
    number = client.get_experiment_by_name("polydl").experiment_id
    before = client.create_run(number)
    assert before.info.artifact_uri.startswith("file:///gone/runs/mlartifacts/")
    sync(folder, uri, "polydl")
    relative = f"mlflow-artifacts:/{before.info.run_id}/artifacts"
    assert client.get_run(before.info.run_id).info.artifact_uri == relative
    for run in Runs(uri).found():
        assert run.info.artifact_uri == f"mlflow-artifacts:/{run.info.run_id}/artifacts"
    assert client.get_experiment(other).artifact_location == "s3://bucket/mlartifacts"


def test_a_moved_folder_is_the_same_campaign(tmp_path: Path, uri: str) -> None:
    folder = folder_of(tmp_path / "toy", *measured(1))
    sync(folder, uri, "polydl")
    moved = CampaignFolder(folder.path.rename(tmp_path / "renamed"))
    assert sync(moved, uri, "polydl") == Synced(0, 2)
    (parent,) = Runs(uri).parents
    assert (parent.data.tags["campaign"], parent.info.run_name) == ("renamed", "renamed")


def test_a_repeated_trial_replaces_its_run(tmp_path: Path, uri: str) -> None:
    folder = folder_of(tmp_path / "toy", *measured(1))
    sync(folder, uri, "polydl")
    go_on(folder, *measured(2)[:1])
    assert sync(folder, uri, "polydl") == Synced(1, 1)
    assert list(Runs(uri).children().values()) == [[101.0, 102.0]]
    assert sync(folder, uri, "polydl") == Synced(0, 2)


def test_copies_that_went_on_are_two_campaigns(tmp_path: Path, uri: str) -> None:
    one = folder_of(tmp_path / "one" / "toy", *measured(1))
    sync(one, uri, "polydl")
    other = CampaignFolder(shutil.copytree(one.path, tmp_path / "other" / "toy"))
    assert sync(other, uri, "polydl") == Synced(0, 2)
    go_on(other, *measured(2)[:1])
    assert sync(other, uri, "polydl") == Synced(1, 1)  # the original has not gone on
    (note,) = sync(one, uri, "polydl").notes
    assert note.startswith(f"the store has all of {one.path} and more")
    go_on(one, *measured(3)[1:])
    done = sync(one, uri, "polydl")
    assert done.written == 2
    assert "went on, each by itself: it is campaign" in done.notes[0]
    for _ in range(2):
        assert sync(one, uri, "polydl") == sync(other, uri, "polydl") == Synced(0, 2)
    assert sorted(Runs(uri).children().values()) == [[101.0, 102.0], [101.0, 103.0]]
    assert len(list(Runs(uri).children())) == 2


def test_a_copy_that_cannot_keep_its_id_has_it_all_the_same(tmp_path: Path, uri: str) -> None:
    one = folder_of(tmp_path / "one" / "toy", *measured(1))
    other = CampaignFolder(shutil.copytree(one.path, tmp_path / "other" / "toy"))
    go_on(one, *measured(2)[:1])
    go_on(other, *measured(3)[:1])
    for folder in (one, other):  # as where all is read-only, and recorded before there were ids
        folder.identity_file.unlink()
        folder.identity_file.mkdir()
    assert sync(one, uri, "polydl") == Synced(2, 0)
    first, second = (sync(other, uri, "polydl") for _ in range(2))
    assert (first.written, second.written) == (2, 0)
    assert "its folder cannot be written" in second.notes[0]
    assert sync(one, uri, "polydl") == Synced(0, 2)


def test_a_copy_that_goes_on_under_a_driver(tmp_path: Path, uri: str) -> None:
    """It was behind when its driver started; what it measures then is its own."""
    one = folder_of(tmp_path / "one" / "toy", *measured(1))
    other = CampaignFolder(shutil.copytree(one.path, tmp_path / "other" / "toy"))
    go_on(one, *measured(2)[:1])
    sync(one, uri, "polydl")
    told: list[str] = []
    sink = MlflowSink(other, uri, "polydl", told.append)
    fresh = measured(3)[1]
    go_on(other, fresh)
    sink.record([fresh])
    sink.finish(overview([fresh]))
    assert sink.close()
    assert any("went on, each by itself" in line for line in told)
    assert sorted(Runs(uri).children().values()) == [[101.0, 102.0], [101.0, 103.0]]


def forget(uri: str, *folders: CampaignFolder) -> None:
    """As if they had been recorded and written before there were ids."""
    runs = Runs(uri)
    for run in runs.found():
        if CAMPAIGN in run.data.tags:
            runs.client.delete_tag(run.info.run_id, CAMPAIGN)
    for folder in folders:
        folder.identity_file.unlink()


def test_an_old_campaign_adopts_its_runs(tmp_path: Path, uri: str) -> None:
    folder = folder_of(tmp_path / "toy", *measured(1))
    sync(folder, uri, "polydl")
    (before,) = Runs(uri).parents
    child = Runs(uri).found("tags.kind = 'baseline'")[0]
    Runs(uri).client.set_tag(child.info.run_id, "content", "of another version")
    forget(uri, folder)
    assert sync(folder, uri, "polydl") == sync(folder, uri, "polydl") == Synced(0, 2)
    (parent,) = Runs(uri).parents
    assert parent.info.run_id == before.info.run_id
    assert len(parent.data.tags[CAMPAIGN]) == 32


def test_of_two_old_campaigns_the_one_whose_runs_they_are_adopts_them(
    tmp_path: Path, uri: str
) -> None:
    one, other = (folder_of(tmp_path / f"{n}" / "toy", *measured(n)) for n in (1, 2))
    sync(other, uri, "polydl")  # as the last of them that was written
    (before,) = Runs(uri).parents
    forget(uri, one, other)
    assert [sync(f, uri, "polydl").written for f in (one, other, one, other)] == [2, 0, 0, 0]
    assert sorted(Runs(uri).children().values()) == [[101.0, 101.0], [102.0, 102.0]]
    assert before.info.run_id in {parent.info.run_id for parent in Runs(uri).parents}


def test_runs_of_both_are_nobodys(tmp_path: Path, uri: str) -> None:
    one = folder_of(tmp_path / "1" / "toy", *measured(1))
    sync(one, uri, "polydl")
    other = folder_of(tmp_path / "2" / "toy", *measured(2)[:1])
    store = Store(one, uri, "polydl")
    store.write([(measured(2)[0], line_id(line_of(measured(2)[0]).encode()))])
    forget(uri, one, other)
    assert [sync(f, uri, "polydl").written for f in (one, other)] == [2, 1]
    assert sorted(Runs(uri).children().values()) == [[101.0, 101.0], [101.0, 102.0], [102.0]]


def test_what_a_killed_driver_left_is_mended(tmp_path: Path, uri: str) -> None:
    folder = folder_of(tmp_path / "toy", *measured(1))
    sync(folder, uri, "polydl")
    runs = Runs(uri)
    kept, cut = runs.found("tags.kind != 'campaign'")
    tags = dict(kept.data.tags)
    runs.client.update_run(cut.info.run_id, status="RUNNING")  # killed before its numbers
    twice = runs.client.create_run(kept.info.experiment_id, tags=tags)  # before the old one went
    runs.client.set_terminated(twice.info.run_id)
    assert sync(folder, uri, "polydl") == Synced(1, 1)
    left = runs.found("tags.kind != 'campaign'")
    assert len(left) == 2
    assert {run.info.status for run in left} == {"FINISHED"}
