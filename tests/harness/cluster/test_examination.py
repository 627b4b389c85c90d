from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.cluster.slots import taken
from harness.measure.slot import Slot
from tests.harness.cluster.ray_cluster import NAMES, RayCluster, shares

pytestmark = pytest.mark.cluster


def test_doctor_tells_what_every_node_offers_and_lacks(
    ray_cluster: RayCluster,
    build_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One more node has no compiler; a core of another is held by somebody who measures."""
    bash = shutil.which("bash")  # Ray starts its workers with it
    assert bash is not None
    (tmp_path / "bash").symlink_to(bash)
    ray_cluster.add("node-d", shares()[0], env_vars={"PATH": str(tmp_path)})
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    both = shares()[2]
    try:
        with taken(Slot(both), "somebody's"):
            assert main(["doctor", f"cluster.address={ray_cluster.address}"]) == 0
    finally:
        ray_cluster.remove("node-d")
    told = capsys.readouterr().out
    rows = {name: next(line for line in told.splitlines() if name in line) for name in NAMES}
    assert all("shared" in row or "exclusive" in row for row in rows.values())
    lines = dict(line.split(": ", 1) for line in told.splitlines() if line.startswith("node-"))
    if len(both) > 1:
        assert "is held by pid" in lines[NAMES[2]]
        assert "campaign somebody's" in lines[NAMES[2]]
    assert lines["node-d"].startswith("lacks a C compiler")
    assert "apt-get install gcc" in lines["node-d"]
    assert "3 nodes; 1 cannot measure" in told


def test_where_no_node_can_measure_the_status_is_1(
    ray_cluster: RayCluster,
    build_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    words = [f"cluster.address={ray_cluster.address}", "threads=512"]
    assert main(["doctor", *words]) == 1
    told = capsys.readouterr().out
    assert "0 slots on 0 nodes; 3 cannot measure" in told
    assert [line.split(":")[0] for line in told.splitlines() if ": " in line][-3:] == list(NAMES)
