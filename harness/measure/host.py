"""Facts about this host for records, and the fingerprint that tells unlike hosts apart."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import harness
from harness.kernel.vector_unit import cpu_flags, read_cpuinfo
from harness.measure.sysfs import CPU_ROOT, caches, text_of
from harness.plugins import plugin_packages

UNKNOWN = "unknown"
COMMIT_FILE = "COMMIT"  # beside code that was shipped without its history
PACKAGES = ("polydl", "numpy", "islpy", "ray", "mlflow", "onednn-cpu-gomp")


def host_facts() -> dict[str, object]:
    """Everything a reader needs to tell whether two results may be compared."""
    cpuinfo = read_cpuinfo()
    first = min(os.sched_getaffinity(0))
    return {
        "name": socket.gethostname(),
        "fingerprint": fingerprint(),
        "cpu": cpu_model(cpuinfo),
        "cpu_flags": " ".join(cpu_flags(cpuinfo)),
        "isa": platform.machine(),
        "logical_cores": os.sysconf("SC_NPROCESSORS_ONLN"),
        "caches": {f"L{c.level}": c.bytes for c in caches(first)},
        "governor": _known(CPU_ROOT / f"cpu{first}/cpufreq/scaling_governor"),
        "turbo": turbo(),
        "smt": _known(CPU_ROOT / "smt/active"),
        "huge_pages": _known(Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "load_average": os.getloadavg()[0],
        "steal_seconds": steal_seconds(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "git_commit": git_commit(),
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Of Python and of the packages that take part; absent ones are left out. Looked up once."""
    found = {**plugin_packages(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Of what decides speed and generated code; equal on equal machines, stable over reboots."""
    cpuinfo = read_cpuinfo()
    first = min(os.sched_getaffinity(0))
    facts = {
        "cpu": cpu_model(cpuinfo),
        "flags": cpu_flags(cpuinfo),
        "isa": platform.machine(),
        "cores": os.sysconf("SC_NPROCESSORS_ONLN"),
        "caches": [(c.level, c.bytes, len(c.processors)) for c in caches(first)],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def cpu_model(cpuinfo: str) -> str:
    """The model's name; Arm names implementer and part by number."""
    entries: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        entries.setdefault(key.strip(), value.strip())
    if "model name" in entries:
        stepping = entries.get("stepping", "?")
        numbers = f"family {entries.get('cpu family', '?')} model {entries.get('model', '?')}"
        return f"{entries['model name']} ({numbers} stepping {stepping})"
    if "CPU part" in entries:
        return f"implementer {entries.get('CPU implementer', '?')} part {entries['CPU part']}"
    return UNKNOWN


def turbo() -> str:
    """on, off or unknown."""
    boost = text_of(CPU_ROOT / "cpufreq/boost")
    if boost is not None:
        return "on" if boost == "1" else "off"
    no_turbo = text_of(CPU_ROOT / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return "off" if no_turbo == "1" else "on"
    return UNKNOWN


def steal_seconds() -> float | str:
    """Time since boot that the hypervisor gave to others, over all processors."""
    text = text_of(Path("/proc/stat"))
    fields = text.splitlines()[0].split() if text else []
    return int(fields[8]) / os.sysconf("SC_CLK_TCK") if len(fields) > 8 else UNKNOWN


@lru_cache(maxsize=1)
def git_commit() -> str:
    """The checkout's commit, with `-dirty` where files differ from it; shipped code is told it."""
    root = Path(harness.__file__).parents[1]
    if not (root / ".git").exists():
        return text_of(root / COMMIT_FILE) or UNKNOWN
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN


def _known(path: Path) -> str:
    return text_of(path) or UNKNOWN
