"""MLflow on PostgreSQL, killed with its database while trials are written, then brought back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from harness.cli import main
from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.record.writer import CampaignWriter
from harness.tracking.client import client_of
from harness.tracking.overview import overview
from harness.tracking.sink import Synced, sync
from tests.harness.cluster.drivers import Driver, swept
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.harness.tracking.servers import MlflowServer, Postgres

pytestmark = [pytest.mark.needs("initdb"), pytest.mark.soak]

SECONDS = 120.0
UNITS = 8


class Team:
    """A server on PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self.database = Postgres()
        self.server = MlflowServer(folder, self.database.uri)

    def crash(self) -> None:
        self.server.kill()
        self.database.crash()

    def restart(self) -> None:
        self.database.start()
        self.server.start()
        self.server.wait()

    def end(self) -> None:
        self.server.kill()
        self.database.end()

    def children(self) -> list[Any]:
        """Of all campaigns, those that are active."""
        client = client_of(self.server.address)
        found = client.get_experiment_by_name("polydl")
        return list(client.search_runs([found.experiment_id], "tags.kind != 'campaign'"))

    def await_runs(self, more: int) -> None:
        """Until the database itself has so many runs more than now."""
        with closing(psycopg2.connect(self.database.uri.replace("+psycopg2", ""))) as session:
            session.autocommit = True
            with session.cursor() as cursor:

                def count() -> int:
                    cursor.execute("select count(*) from runs")
                    return int(cursor.fetchone()[0])

                wanted = count() + more
                await_(lambda: count() >= wanted)


def await_(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    one = Team(tmp_path_factory.mktemp("team"))
    one.server.wait()
    yield one
    one.end()


def check_once(team: Team, folder: CampaignFolder) -> None:
    """Every trial of the journal, once and whole."""
    own = {result.trial for result in folder.results()}
    runs = [run for run in team.children() if run.data.tags["trial"] in own]
    assert Counter(run.data.tags["trial"] for run in runs) == Counter(own)
    assert {run.info.status for run in runs} == {"FINISHED"}
    client = client_of(team.server.address)
    for run in runs:
        assert {entry.path for entry in client.list_artifacts(run.info.run_id)} >= {"samples.json"}


@pytest.fixture
def recorded(tmp_path: Path) -> CampaignFolder:
    """A campaign that no server has seen yet."""
    results = [strategy_result(f"conv_{n}", kernel=None) for n in range(40)]
    results += [baseline_result(f"conv_{n}") for n in range(40)]
    samples = {result.trial: [{"seconds": 0.5}] for result in results}
    with CampaignWriter(tmp_path / "recorded") as writer:
        writer.record([Left(results, samples=samples)])
        return writer.folder


def test_a_campaign_and_a_sync_that_lose_their_server(
    team: Team, recorded: CampaignFolder, build_cache: Path, tmp_path: Path
) -> None:
    address = team.server.address
    words = [word for word in swept(UNITS) if not word.startswith("tracking")]
    words += ["tracking=mlflow", f"tracking.uri={address}", "cluster=serial"]
    running = CampaignFolder(tmp_path / "running")
    driver = Driver(tmp_path / "log.txt", build_cache, *words, f"campaign.dir={running.path}")
    team.await_runs(2)  # the parent, and the first child
    with ThreadPoolExecutor(1) as pool:
        syncing = pool.submit(sync, recorded, address, "polydl", overview(recorded.results()))
        team.await_runs(20)  # several are being written at that instant
        team.crash()
        missing = UNITS - len(running.results())
        with pytest.raises(RecordError, match="MLflow at"):
            syncing.result(SECONDS)
    team.restart()
    assert driver.status() == 0, driver.told
    assert len(running.results()) == UNITS
    assert missing <= 1 or f"polydl sync {running.path}" in driver.told
    for folder in (running, recorded):
        assert main(["sync", str(folder.path), f"tracking.uri={address}"]) == 0
        check_once(team, folder)
        assert sync(folder, address, "polydl") == Synced(0, len(folder.results()))
