"""Quotas of control groups, of both versions, from trees as kernels show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.measure.quota import cpu_quota


def tree(root: Path, own: str, **files: str) -> tuple[Path, Path]:
    """Groups and the process's own, from texts by path (`__` for a slash, `_d_` for a dot)."""
    groups, process = root / "cgroup", root / "self"
    for name, text in files.items():
        file = groups / name.replace("__", "/").replace("_d_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    process.write_text(own)
    return groups, process


def test_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(*tree(tmp_path, "0::/a\n", a__cpu_d_max="max 100000\n")) is None
    assert cpu_quota(tmp_path / "none", tmp_path / "none") is None


def test_the_narrowest_of_a_group_and_those_above(tmp_path: Path) -> None:
    found = cpu_quota(
        *tree(
            tmp_path,
            "0::/a/b\n",
            cpu_d_max="max 100000",
            a__cpu_d_max="150000 100000",
            a__b__cpu_d_max="400000 100000",
        )
    )
    assert found is not None and found.cpus == 1.5
    assert found.file == tmp_path / "cgroup" / "a" / "cpu.max"


def test_a_namespace_that_shows_its_own_root(tmp_path: Path) -> None:
    found = cpu_quota(*tree(tmp_path, "0::/../../elsewhere\n", cpu_d_max="50000 100000"))
    assert found is not None and found.cpus == 0.5


@pytest.mark.parametrize("path", ["/docker/one", "/not/seen/from/here"])
def test_version_1(path: str, tmp_path: Path) -> None:
    groups, own = tree(tmp_path, f"5:memory:/\n4:cpu,cpuacct:{path}\n")
    folder = groups / "cpu,cpuacct" / ("docker/one" if path == "/docker/one" else "")
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("250000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    found = cpu_quota(groups, own)
    assert found is not None and found.cpus == 2.5
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert cpu_quota(groups, own) is None
