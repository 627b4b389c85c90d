from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness import doctor
from harness.cli import main
from harness.cluster import neighbour
from harness.cluster.topology import topology_found
from harness.doctor import Finding, examined
from harness.kernel.toolchain import Toolchain


def several_cores() -> bool:
    return len(topology_found().cores) > 1


@pytest.fixture(scope="module", autouse=True)
def _briefly() -> Iterator[None]:
    """How long the neighbour is looked at is all one here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbour, "SECONDS", 0.02)
        yield


@pytest.fixture(scope="module")
def findings(toolchain: Toolchain) -> dict[str, Finding]:
    return {finding.topic: finding for finding in examined(1, toolchain, None)}


def test_what_this_host_offers(findings: dict[str, Finding]) -> None:
    assert "GFLOP/s" in findings["peak"].value
    assert findings["caches"].value.startswith("L1 ")
    assert findings["C compiler"].verdict == "ok"
    assert f"{psutil.cpu_count()} logical" in findings["system"].value
    told = "% of a core's peak" if several_cores() else "one core"
    assert told in findings[doctor.NEIGHBOUR].value


def test_one_core_has_no_neighbour(toolchain: Toolchain) -> None:
    found = examined(1, toolchain, (topology_found().cores[0].name,))
    assert Finding(doctor.NEIGHBOUR, "none here: one core") in found


def test_whatever_is_missing_or_advised_says_what_to_do(findings: dict[str, Finding]) -> None:
    assert all(f.advice for f in findings.values() if f.verdict != "ok")
    assert not any(f.advice for f in findings.values() if f.verdict == "ok")


def test_a_missing_compiler_is_a_finding(
    build_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    toolchain = Toolchain.opened(build_cache)
    found = {finding.topic: finding for finding in doctor.examined(1, toolchain, None)}
    assert found["C compiler"].verdict == "missing"
    assert "apt-get install gcc" in found["C compiler"].advice
    assert "peak" not in found
    assert [topic for topic, finding in found.items() if finding.bars] == ["C compiler"]


def test_where_nothing_can_be_measured_the_status_is_1(
    build_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["doctor"]) == 1
    *_, last = lines = capsys.readouterr().out.splitlines()
    assert last == "nothing can be measured here until this is mended: C compiler"
    assert [x for x in lines if x.startswith("C compiler: no C compiler") and "install one: " in x]


def test_a_compiler_that_fails_leaves_the_peak_unknown(broken: Toolchain) -> None:
    found = {finding.topic: finding for finding in doctor.examined(1, broken, None)}
    for topic in ("ceilings", doctor.NEIGHBOUR) if several_cores() else ("ceilings",):
        assert (found[topic].value, found[topic].verdict) == ("cannot be measured", "advice")
        assert "cannot be measured: compile" in found[topic].advice
    assert [topic for topic, finding in found.items() if finding.bars] == ["ceilings"]


def test_the_command_prints_a_table(
    build_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    assert main(["doctor"]) == 0
    assert "this host" in capsys.readouterr().out
    assert main(["doctor", "threads=4096"]) == 2
    assert main(["doctor", "cluster=ray", "cluster.address=127.0.0.1:1"]) == 2


def test_a_full_disk_is_a_finding() -> None:
    def full() -> list[Finding]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (finding,) = doctor._measured(doctor.NEIGHBOUR, full)
    assert (finding.verdict, finding.advice) == ("advice", "No space left on device")
