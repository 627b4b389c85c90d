"""Joining a running cluster: what is refused, in one line, and what each node is asked."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from harness.cli.doctor import ray_findings
from harness.cluster.members import Member, lacks_of, members, refuse_lacking
from harness.cluster.ray_pool import RayPool
from harness.cluster.ray_start import join
from harness.errors import EnvironmentProblem, HarnessError, SettingsError
from harness.settings import Settings, load_settings
from tests.harness.campaigns import TOY
from tests.harness.cluster.ray_cluster import NAMES, RayCluster

pytestmark = pytest.mark.cluster
SOON = 60.0  # seconds in which a refusal comes, on a busy machine
ROOT = Path(__file__).resolve().parents[3]


def settings_for(address: str, *overrides: str) -> Settings:
    words = [*TOY, "cluster=ray", f"cluster.address={address}", *overrides]
    return load_settings(words)[0]


def opened(settings: Settings, cache: Path) -> RayPool:
    return RayPool(
        choice=settings.cluster,
        architecture=settings.architecture,
        threads=1,
        campaign="toy",
        cache=cache,
        watch=lambda event: None,
    )


@pytest.fixture
def joined(ray_cluster: RayCluster) -> Iterator[Settings]:
    settings = settings_for(ray_cluster.address)
    join(settings.cluster)
    yield settings
    ray.shutdown()


def polydl(*words: str, **environment: str) -> tuple[int, str]:
    """A real command with another environment; its status and stderr."""
    start = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("polydl")), *words],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if "AUTH" not in key} | environment,
        capture_output=True,
        text=True,
        timeout=2 * SOON,
    )
    assert time.monotonic() - start < SOON
    return done.returncode, done.stderr.strip()


def test_sigterm_ends_a_command_as_without_ray(ray_cluster: RayCluster) -> None:
    code = (
        "import os, signal, sys\n"
        "from harness import cli\n"
        "from tests.harness.cluster.test_joining import join, settings_for\n"
        "def answered(words):\n"
        "    join(settings_for(words[0]).cluster)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli._answered = answered\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, ray_cluster.address]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    told = f"polydl {ray_cluster.address}: ended by SIGTERM\n"
    assert (done.returncode, done.stderr) == (143, told)


def test_another_machine_is_refused_with_what_the_nodes_are(
    ray_cluster: RayCluster, cache: Path
) -> None:
    settings = settings_for(ray_cluster.address, "architecture=graviton3")
    with pytest.raises(SettingsError) as refusal:
        opened(settings, cache)
    assert "architecture graviton3 cannot be measured here" in str(refusal.value)
    for name in NAMES:
        assert f"{name}: " in str(refusal.value)


def test_a_node_that_lacks_something_is_named(joined: Settings) -> None:
    assert [member.name for member in members(joined.cluster)] == list(NAMES)
    with pytest.raises(EnvironmentProblem) as problem:
        refuse_lacking(members(joined.cluster), Path("/proc/nowhere"))
    told = f"{', '.join(NAMES)} lacks a cache folder that can be written"
    assert str(problem.value).startswith(told)


def test_a_node_that_is_gone_lacks_nothing(joined: Settings, cache: Path) -> None:
    gone = Member(id="ab" * 28, name="gone", cpus=1)
    assert lacks_of([gone], cache) == {gone.id: []}


def test_a_wrong_token_is_one_line(ray_cluster: RayCluster) -> None:
    address = f"cluster.address={ray_cluster.address}"
    status, said = polydl("doctor", address, RAY_AUTH_TOKEN="f" * 64)
    assert (status, len(said.splitlines())) == (2, 1), said
    assert "refuses the token of this machine" in said


def test_no_token_is_one_line(ray_cluster: RayCluster, tmp_path: Path) -> None:
    address = f"cluster.address={ray_cluster.address}"
    status, said = polydl("doctor", address, HOME=str(tmp_path))
    assert (status, len(said.splitlines())) == (2, 1), said
    assert "none is set here: put it into RAY_AUTH_TOKEN" in said


OPEN = """
import os, sys
os.environ["RAY_AUTH_MODE"] = "disabled"
import ray
from ray._private import ray_constants
ray_constants.ENABLE_RAY_CLUSTER = False  # else 127.0.0.1 becomes the host's address
started = ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False,
                   object_store_memory=80 * 2**20, _node_ip_address="127.0.0.1")
print(started.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def open_cluster() -> Iterator[str]:
    """The address of a cluster that asks for no token; it ends with the process that started it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-c", OPEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def test_a_cluster_without_a_token_is_told(
    open_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"cluster.address={open_cluster}"
    status, said = polydl("doctor", address)
    assert (status, len(said.splitlines())) == (2, 1), said
    assert "lets anybody in who can reach it" in said and "cluster.auth=none" in said
    monkeypatch.setenv("RAY_ADDRESS", open_cluster)
    (finding,) = ray_findings()
    assert (finding.value, finding.verdict) == (open_cluster, "advice")
    assert "asks for no token" in finding.advice and "RAY_AUTH_MODE=token" in finding.advice


def test_a_cluster_with_a_token_is_told(
    ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    (finding,) = ray_findings()
    assert (finding.value, finding.verdict) == (f"{ray_cluster.address}, with a token", "ok")
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_nothing_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*unused.getsockname())
        with pytest.raises(EnvironmentProblem, match=f"{address}: nothing answers there"):
            join(settings_for(address).cluster)


@pytest.mark.parametrize("address", ["somewhere", "host:", ":6379", "host:port"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(HarnessError, match=re.escape(f"auto or HOST:PORT, got {address}")):
        join(settings_for(f"'{address}'").cluster)
