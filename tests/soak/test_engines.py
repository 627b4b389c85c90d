"""Ways into a cluster that exists: a submitted job, and nodes that lack every package."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import ray

from harness.record.journal import CampaignFolder
from tests.soak.ray_heads import HOST, SOON, RayHead

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
NO_AGENT = "No available agent"  # of Ray's jobs, seconds after a head has begun to answer
TOY = [
    *("primitive=matmul", "primitive.sizes={m: 64, n: 64, k: 64}", "measure=quick"),
    *("baseline=[]", "tracking=journal", "cluster=ray"),
]


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RayHead]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = RayHead()
    try:
        made.open()
        yield made
    finally:
        made.close()


def told(head: RayHead, *command: str) -> str:
    """What a program of this environment says that joins the head's cluster."""
    program = Path(sys.executable).with_name(command[0])
    run = partial(
        subprocess.run,
        [program, *command[1:]],
        env={**head.environment, "PATH": f"{program.parent}:{head.environment['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    done, end = run(), time.monotonic() + SOON
    while NO_AGENT in done.stdout and time.monotonic() < end:
        done = run()
    assert done.returncode == 0, done.stdout
    return done.stdout


def check(folder: Path) -> None:
    (result,) = CampaignFolder(folder).results()
    assert (result.status, result.stage) == ("ok", None)


def test_a_submitted_job(head: RayHead, tmp_path: Path) -> None:
    words = [*TOY, "cluster.address=auto", f"campaign.dir={tmp_path / 'first'}"]
    dashboard = f"--address=http://{HOST}:{head.dashboard}"
    said = told(head, "ray", "job", "submit", dashboard, "--", "polydl", "run", *words)
    assert "1 trials: 1 ok" in said and "succeeded" in said
    check(tmp_path / "first")


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_nodes_that_lack_packages_get_them(
    installer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "bare")], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
    subprocess.run([*install, f"ray[default]=={ray.__version__}", "setuptools"], check=True)
    head = RayHead(python)
    try:
        head.open()
        words = [*TOY, f"cluster.address={head.address}", f"campaign.dir={tmp_path / 'first'}"]
        lacking = subprocess.run(
            [Path(sys.executable).with_name("polydl"), "run", *words],
            env=head.environment,
            capture_output=True,
            text=True,
        )
        assert lacking.returncode == 2
        assert "lacks islpy" in lacking.stderr and "cluster.install=uv" in lacking.stderr
        assert "1 trials: 1 ok" in told(
            head, "polydl", "run", *words, f"cluster.install={installer}"
        )
        check(tmp_path / "first")
    finally:
        head.close()
