"""The sink against a real sqlite store, a real server on loopback, and an address without one."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EnvironmentProblem, RecordError
from harness.record.journal import CampaignFolder
from harness.record.writer import CampaignWriter
from harness.tracking.client import client_of
from harness.tracking.overview import overview
from harness.tracking.sink import MlflowSink, Synced, default_store, sync
from harness.tracking.sqlite_store import artifact_folder, is_sqlite
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.harness.tracking.servers import MlflowServer

RESULTS = (
    baseline_result(),
    strategy_result(),
    strategy_result(contender="top_k", status="failed", stage="verify", reason="wrong by 3"),
)
CANDIDATES = [
    {"rank": rank, "measured": seconds, "at": float(rank), "best": best}
    for rank, seconds, best in ((1, 4e-6, 4e-6), (2, 5e-6, 4e-6), (3, 2e-6, 2e-6))
]
OVERVIEW = overview(RESULTS)


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    """A finished campaign of one unit."""
    with CampaignWriter(tmp_path / "runs" / "toy") as writer:
        writer.write_configuration("threads: 1\n")
        writer.record(
            [
                Left(
                    RESULTS,
                    samples={RESULTS[1].trial: [{"seconds": 0.5}]},
                    candidates={RESULTS[1].trial: CANDIDATES},
                    kernels={str(RESULTS[1].kernel): "void f(void) {}\n"},
                )
            ]
        )
        return writer.folder


@pytest.fixture(scope="module", autouse=True)
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server that starts while other tests run."""
    one = MlflowServer(tmp_path_factory.mktemp("server"))
    yield one
    one.kill()


@pytest.fixture(scope="module")
def server(starting: MlflowServer) -> str:
    """The server's address, once it answers."""
    return starting.wait()


def runs_of(uri: str, condition: str) -> list[Any]:
    client = client_of(uri)
    experiment = client.get_experiment_by_name("polydl")
    return list(client.search_runs([experiment.experiment_id], condition))


def recorded(folder: CampaignFolder, uri: str | None) -> list[str]:
    """Warnings of a sink that gets the whole campaign."""
    warnings: list[str] = []
    sink = MlflowSink(folder, uri, "polydl", warnings.append)
    sink.record(RESULTS[:1])
    sink.record(RESULTS[1:])
    sink.finish(OVERVIEW)
    assert sink.close() is not bool(warnings)
    return warnings


def check_store(folder: CampaignFolder, uri: str) -> None:
    """One parent, one child per trial, its fields, and the parent's artifacts."""
    (parent,) = runs_of(uri, "tags.kind = 'campaign'")
    children = runs_of(uri, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    by_trial = {run.data.tags["trial"]: run for run in children}
    assert sorted(by_trial) == sorted(r.trial for r in RESULTS)
    assert len(children) == len(RESULTS)
    run = by_trial[RESULTS[1].trial]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["speedup.onednn"] == 1.06
    assert run.data.params["sizes.ic"] == "64"
    failed = by_trial[RESULTS[2].trial]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["reason"] == "wrong by 3"
    assert parent.data.tags["mlflow.note.content"] == OVERVIEW.note
    assert parent.data.metrics == OVERVIEW.metrics
    assert [one.dataset.name for one in parent.inputs.dataset_inputs] == ["conv2d"]
    held = artifacts(uri, parent)
    assert set(held) == {"campaign.yaml", "results.jsonl", "results.txt"}
    assert held["results.txt"] == OVERVIEW.table
    assert artifacts(uri, run) == {
        "samples.json": folder.samples_file(RESULTS[1].trial).read_text(),
        "candidates.jsonl": folder.candidates_file(RESULTS[1].trial).read_text(),
        "kernel.c.txt": "void f(void) {}\n",
    }
    assert set(artifacts(uri, failed)) == {"kernel.c.txt"}
    steps = client_of(uri).get_metric_history(run.info.run_id, "best.microseconds")
    assert [(s.step, s.value) for s in steps] == [(1, 4.0), (2, 4.0), (3, 2.0)]


def artifacts(uri: str, run: Any) -> dict[str, str]:
    """The texts of a run's files: from beside a sqlite store, or from its server."""
    if is_sqlite(uri):
        folder = artifact_folder(uri) / run.info.artifact_uri.removeprefix("mlflow-artifacts:/")
        return {file.name: file.read_text() for file in folder.glob("*")}
    client = client_of(uri)
    names = [entry.path for entry in client.list_artifacts(run.info.run_id)]
    return {n: Path(client.download_artifacts(run.info.run_id, n)).read_text() for n in names}


def test_sqlite(folder: CampaignFolder) -> None:
    uri = default_store(folder)
    assert uri == f"sqlite:///{folder.path.parent}/mlflow.db"
    assert recorded(folder, None) == []
    check_store(folder, uri)
    assert sync(folder, None, "polydl", OVERVIEW) == Synced(0, 3)
    again = baseline_result(gflops=99.0, attempt=2)
    with CampaignWriter(folder.path, resume=True) as writer:
        writer.record([Left([again])])
    assert sync(folder, None, "polydl") == Synced(1, 2)
    check_store(folder, uri)
    (run,) = runs_of(uri, f"tags.trial = '{again.trial}'")
    assert run.data.metrics["gflops"] == 99.0


def test_a_driver_writes_what_one_before_it_did_not_come_to(folder: CampaignFolder) -> None:
    """It was killed with results in its queue, which stand in the journal."""
    uri = default_store(folder)
    sink = MlflowSink(folder, uri, "polydl", lambda message: pytest.fail(message))
    sink.record(RESULTS[2:])
    sink.finish(OVERVIEW)
    assert sink.close()
    check_store(folder, uri)
    assert not list(folder.path.parent.glob("mlflow.db-*"))  # the file stands alone again


def test_an_address_that_does_not_answer_costs_one_warning(folder: CampaignFolder) -> None:
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        (warning,) = recorded(folder, address)
        assert warning.startswith(f"MLflow at {address} cannot be written")
        assert f"polydl sync {folder.path}" in warning
        assert "\n" not in warning
        with pytest.raises(RecordError, match=f"MLflow at {address}"):
            sync(folder, address, "polydl")
    assert folder.results() == RESULTS


def test_without_mlflow_one_line_says_how_to_install_it(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    told = r"mlflow is not installed; install it with: pip install -e '\.\[tracking\]'"
    with pytest.raises(EnvironmentProblem, match=told):
        sync(folder, None, "polydl")


def test_a_server(folder: CampaignFolder, server: str) -> None:
    assert recorded(folder, server) == []
    check_store(folder, server)
    assert sync(folder, server, "polydl", OVERVIEW) == Synced(0, 3)
