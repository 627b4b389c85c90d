"""The driver itself: killed and resumed, interrupted, beside another one, without its MLflow."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.record.journal import CampaignFolder
from tests.harness.cluster.drivers import Driver, check_journal, swept
from tests.harness.cluster.faults import (
    REPEATS,
    CoreWatch,
    check_nothing_left,
    measuring,
    wait_for,
)

UNITS = 4


def check_killed_driver(
    rng: random.Random, cache: Path, folder: Path, repeats: int, *cluster: str
) -> None:
    """SIGKILL at random instants; each resumed campaign measures what is missing."""
    log, where = folder.with_suffix(".log"), (*swept(UNITS), *cluster)
    begin = f"campaign.dir={folder}"
    for repeat in range(repeats):
        driver = Driver(log, cache, *where, begin)
        driver.wait_for_lines(folder, rng.randrange(repeat, UNITS - repeats + repeat))
        time.sleep(rng.uniform(0, 1.0))
        driver.kill()
        check_nothing_left(cache / "polydl", folder.name, scratch=False)
        begin = f"campaign.resume={folder}"
    kept = CampaignFolder(folder).results()
    last = Driver(log, cache, *where, begin)
    assert last.status() == 0, last.told
    assert check_journal(folder, UNITS) == {"ok": UNITS}
    assert CampaignFolder(folder).results()[: len(kept)] == kept
    check_nothing_left(cache / "polydl", folder.name)


def test_a_killed_driver_is_resumed(rng: random.Random, build_cache: Path, tmp_path: Path) -> None:
    check_killed_driver(rng, build_cache, tmp_path / "killed", REPEATS, "cluster=local")


def test_ctrl_c_ends_agents_and_children(build_cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    where = ("cluster=local", f"campaign.dir={folder}")
    driver = Driver(tmp_path / "log", build_cache, *swept(UNITS), *where)
    driver.wait_for_lines(folder, 1)
    wait_for(lambda: bool(measuring(build_cache / "polydl")))
    driver.process.send_signal(signal.SIGINT)
    assert driver.status() == 130, driver.told
    assert driver.told.splitlines()[-1] == "polydl run: interrupted"
    check_nothing_left(build_cache / "polydl", folder.name)


def test_two_campaigns_on_one_host_share_no_core(build_cache: Path, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    names = ("one", "two")
    with CoreWatch(build_cache / "polydl") as watch:
        drivers = [
            Driver(
                tmp_path / f"{name}.log",
                build_cache,
                *swept(UNITS),
                f"cluster.cores=[{core}]",
                f"campaign.dir={tmp_path / name}",
            )
            for name in names
        ]
        assert [driver.status() for driver in drivers] == [0, 0], [d.told for d in drivers]
    assert not watch.clashes
    assert len(watch.parents[core]) == 2
    told = "".join(driver.told for driver in drivers)
    assert any(f"core {core} is held by pid " in told and f"campaign {n}" in told for n in names)
    for name in names:
        assert check_journal(tmp_path / name, UNITS) == {"ok": UNITS}
        check_nothing_left(build_cache / "polydl", name)


class MlflowServer:
    """On loopback, with a store of its own; its port is known at once."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        command += ["--default-artifact-root", str(folder / "artifacts")]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self) -> None:
        wait_for(self._answers, 180)

    def kill(self) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module", autouse=True)
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MlflowServer]]:
    """One for every repeat; they start while other tests run."""
    several = [MlflowServer(tmp_path_factory.mktemp("server")) for _ in range(REPEATS)]
    yield several
    for one in several:
        one.kill()


def check_killed_server(
    server: MlflowServer, rng: random.Random, cache: Path, folder: Path
) -> None:
    """The campaign goes on with its journal alone, and says how MLflow is made complete."""
    server.wait()
    tracking = ("tracking=mlflow", f"tracking.uri={server.address}")
    plain = [word for word in swept(UNITS) if not word.startswith("tracking")]
    where = ("cluster=serial", f"campaign.dir={folder}")
    driver = Driver(folder.with_suffix(".log"), cache, *plain, *tracking, *where)
    driver.wait_for_lines(folder, rng.randrange(UNITS - 1))
    time.sleep(rng.uniform(0, 0.5))
    missed = UNITS - len(CampaignFolder(folder).results())  # at most, since they go on
    server.kill()
    assert driver.status() == 0, driver.told
    assert check_journal(folder, UNITS) == {"ok": UNITS}
    told = driver.told.replace("\n", "")
    assert missed <= 1 or f"polydl sync {folder}" in told
    check_nothing_left(cache / "polydl", folder.name)


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_killed_mlflow_server(
    repeat: int,
    servers: list[MlflowServer],
    rng: random.Random,
    build_cache: Path,
    tmp_path: Path,
) -> None:
    check_killed_server(servers[repeat], rng, build_cache, tmp_path / "untracked")
