"""What a container's control group allows: processors for part of the time, and whose they are.

A quota stops every thread of the group for the rest of each period (100 ms mostly) once they have
used it up, pinned or not. cgroup v2 has it in cpu.max, v1 in cpu.cfs_quota_us; the narrowest of the
group and all above it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.measure.sysfs import text_of

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_V1 = ("cpu,cpuacct", "cpuacct,cpu", "cpu")  # what the controller's folder is called


@dataclass(frozen=True)
class Quota:
    """CPUs, on average over a period; `file` says so."""

    cpus: float
    file: Path


def cpu_quota(groups: Path = GROUPS, own: Path = OWN) -> Quota | None:
    """The narrowest quota that this process runs under; None without one."""
    found = [
        Quota(cpus, file)
        for folder in _folders(groups, own)
        for cpus, file in (_of_v2(folder), _of_v1(folder))
        if cpus is not None
    ]
    return min(found, key=lambda quota: quota.cpus, default=None)


def _folders(groups: Path, own: Path) -> Iterator[Path]:
    """The process's groups and those above, as far as this namespace shows them."""
    for line in (text_of(own) or "").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            roots = [groups, groups / "unified"]
        elif "cpu" in controllers.split(","):
            roots = [groups / name for name in _V1]
        else:
            continue
        parts = [part for part in path.split("/") if part and part != ".."]
        for root in roots:
            for depth in range(len(parts) + 1):
                folder = root.joinpath(*parts[:depth])
                if folder.is_dir():
                    yield folder


def _of_v2(folder: Path) -> tuple[float | None, Path]:
    file = folder / "cpu.max"
    quota, period = (*(text_of(file) or "").split(), "", "")[:2]
    return _ratio(quota, period), file


def _of_v1(folder: Path) -> tuple[float | None, Path]:
    file = folder / "cpu.cfs_quota_us"
    return _ratio(text_of(file) or "", text_of(folder / "cpu.cfs_period_us") or ""), file


def _ratio(quota: str, period: str) -> float | None:
    """`max` and -1 are no quota."""
    if not (quota.isdigit() and period.isdigit()) or int(period) == 0:
        return None
    return int(quota) / int(period)
