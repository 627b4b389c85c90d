"""The real measuring child: what it times, and how it dies."""

from __future__ import annotations

import os
import re
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.failure import Failure
from harness.kernel.toolchain import Toolchain
from harness.measure.budget import QUICK
from harness.measure.child import Child, ChildSettings
from harness.measure.contender import ContenderStarter
from harness.measure.protocol import report_tier
from harness.measure.search_tier import SearchProcess, search_tier
from harness.measure.slot import Slot
from tests.harness import matmul_kernels as kernels

FAST = replace(QUICK, sample_seconds=1e-4, settle_seconds=1e-4, search_sample_seconds=1e-4)


@pytest.fixture
def child(child_settings: ChildSettings) -> Child:
    return Child(child_settings)


def processes_of_group(group: int) -> list[int]:
    """Live members of a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def test_pinned_verified_and_timed(
    child_settings: ChildSettings, toolchain: Toolchain, matmul_data: Path
) -> None:
    spec = kernels.executable(kernels.GOOD, toolchain)
    with Child(child_settings) as child:
        greeting = child.greeting()
        assert not isinstance(greeting, Failure)
        assert greeting["cores"] == list(child_settings.slot.cores)
        assert child.request("load", 20, executable=spec) == {"describe": {}}
        verified = child.request("verify", 20, data=str(matmul_data), factor=4.0)
        assert not isinstance(verified, Failure)
        assert 0 < verified["max_error"] < verified["tolerance"]
        child.request("bind", 20, data=str(matmul_data))
        for cold in (False, True):
            burst = child.request(
                "burst",
                20,
                samples=2,
                seconds=1e-3,
                settle_seconds=1e-3,
                settle_calls=3,
                cold=cold,
            )
            assert not isinstance(burst, Failure)
            assert len(burst["samples"]) == 2
            for seconds, calls, _flags in burst["samples"]:
                assert seconds > 0
                assert calls == 1 if cold else calls > 1
        group = child._process.pid
        assert processes_of_group(group)
    assert not processes_of_group(group)
    assert not child.alive


@pytest.mark.parametrize(
    ("text", "stage", "reason"),
    [
        (kernels.LAST_TERM_MISSING, "verify", "expected"),
        (kernels.WRITES_PAST_END, "verify", "SIGSEGV .*past the end of 'c'"),
        (kernels.READS_PAST_END, "verify", "SIGSEGV .*past the end of 'a'"),
        (kernels.READS_BEFORE_START, "verify", "SIGSEGV .*before the start of 'b'"),
        (kernels.SEGFAULT, "verify", "SIGSEGV"),
        (kernels.ILLEGAL, "verify", "SIGILL"),
        (kernels.KILLED, "verify", "killed by SIGKILL, most likely out of memory"),
        (kernels.ENDLESS, "verify", "timed out after 1.5 s"),
        ("int other;", "verify", "undefined symbol: polydl_kernel"),
    ],
)
def test_a_broken_kernel_is_a_failure_and_never_timed(
    text: str,
    stage: str,
    reason: str,
    child_settings: ChildSettings,
    toolchain: Toolchain,
    matmul_data: Path,
) -> None:
    """The host of the search goes on: the good candidate after it is timed."""
    broken = kernels.executable(text, toolchain)
    good = kernels.executable(kernels.GOOD, toolchain)
    limit = 1.5 if text == kernels.ENDLESS else 20.0
    settings = replace(FAST, time_limit=limit)
    started: list[SearchProcess] = []

    def start() -> SearchProcess:
        started.append(SearchProcess(child_settings, matmul_data, settings))
        return started[-1]

    found = search_tier([broken, good], start, settings)
    failure = found.found[0].failure
    assert failure is not None and failure.stage == stage
    assert re.search(reason, failure.reason), failure.reason
    assert found.found[0].seconds is None
    assert found.best == 1 and found.found[1].seconds is not None
    for searcher in started:
        assert not processes_of_group(searcher._child._process.pid)


def test_the_report_tier_drops_the_broken_and_times_the_rest(
    child_settings: ChildSettings, toolchain: Toolchain, matmul_data: Path
) -> None:
    texts = {"good": kernels.GOOD, "same": kernels.GOOD, "wrong": kernels.NOT_INITIALISED}
    specs = {name: kernels.executable(t, toolchain) for name, t in texts.items()}
    settings = replace(FAST, processes=1, max_processes=1, min_blocks=2, budget_seconds=0.01)
    starter = ContenderStarter(specs, matmul_data, child_settings, settings)
    found = report_tier(list(specs), [("good", "same")], starter, settings, pausing=True)
    assert set(found.failures) == {"wrong"}
    assert {s.contender for s in found.samples} == {"good", "same"}
    assert set(starter.verified) == {"good", "same"}
    assert starter.cores == child_settings.slot.cores


def test_what_a_kernel_prints_does_not_disturb_the_protocol(
    child: Child, toolchain: Toolchain, matmul_data: Path
) -> None:
    with child:
        spec = kernels.executable(kernels.PRINTS, toolchain)
        child.request("load", 20, executable=spec)
        verified = child.request("verify", 20, data=str(matmul_data), factor=4.0)
        assert not isinstance(verified, Failure) and "max_error" in verified


def test_an_unknown_command_or_a_missing_file_is_a_failure(child: Child) -> None:
    with child:
        unknown = child.request("no_such_command", 20)
        assert isinstance(unknown, Failure) and "no_such_command" in unknown.reason
        missing = child.request("bind", 20, data="/nonexistent")
        assert isinstance(missing, Failure)
        assert child.alive


def test_what_memory_does_not_hold_is_a_failure(
    child_settings: ChildSettings, tmp_path: Path
) -> None:
    """Inputs of 40 GB where 4 are allowed; the child itself goes on."""
    huge = {**kernels.SPEC, "sizes": {"m": 10**5, "n": 10**5, "k": 10**5}}
    with Child(replace(child_settings, module="harness.measure.reference_worker")) as child:
        assert not isinstance(child.greeting(), Failure)
        resource.prlimit(child._process.pid, resource.RLIMIT_AS, (4 << 30, 4 << 30))
        told = child.request("prepare", 30, "plan", spec=huge, seed=0, folder=str(tmp_path))
        assert told == Failure("plan", "out of memory")
        assert child.alive


def test_a_child_that_died_while_it_was_idle(child: Child) -> None:
    with child:
        assert not isinstance(child.greeting(), Failure)
        os.kill(child._process.pid, signal.SIGKILL)
        while child.alive:
            time.sleep(0.001)
        failed = child.request("load", 20, "verify")
        assert failed == Failure("verify", "killed by SIGKILL, most likely out of memory")


def test_a_child_that_cannot_start(child_settings: ChildSettings) -> None:
    with Child(replace(child_settings, module="harness.measure.no_such_module")) as child:
        failed = child.request("load", 20)
        assert isinstance(failed, Failure)
        assert "ended with status 1" in failed.reason and "no_such_module" in failed.reason


def test_modules_of_the_folder_it_starts_in_are_not_run(
    child_settings: ChildSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('not to be run')")
    monkeypatch.chdir(tmp_path)
    with Child(child_settings) as child:
        assert not isinstance(child.greeting(), Failure)


def test_an_interpreter_that_is_not_there_is_a_failure(
    child_settings: ChildSettings, toolchain: Toolchain, matmul_data: Path
) -> None:
    spec = kernels.executable(kernels.GOOD, toolchain)
    specs = {"good": spec, "lost": {**spec, "interpreter": "/nonexistent/python"}}
    starter = ContenderStarter(specs, matmul_data, child_settings, FAST)
    started = starter(("good", "lost"), 0)
    lost, good = started["lost"], started["good"]
    assert isinstance(lost, Failure) and "no process could be started" in lost.reason
    assert not isinstance(good, Failure)
    good.close()


def test_a_child_dies_with_its_parent(child_settings: ChildSettings) -> None:
    """The parent is a process of its own here, and ends without closing anything."""
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        orphan = Child(child_settings)
        orphan.greeting()
        os.write(writing, str(orphan._process.pid).encode())
        os._exit(0)
    os.waitpid(parent, 0)
    group = int(os.read(reading, 32))
    os.close(reading)
    os.close(writing)
    for _ in range(500):
        if not processes_of_group(group):
            break
        time.sleep(0.01)
    assert not processes_of_group(group)


def test_a_child_that_is_not_on_all_of_its_cores_is_refused(child_settings: ChildSettings) -> None:
    """Linux takes a list of which one processor exists, and drops the others."""
    (core,) = child_settings.slot.cores
    with Child(replace(child_settings, slot=Slot((core, 4000)))) as child:
        greeting = child.greeting()
        assert greeting == Failure(
            "measure", f"the child was to run on cores {core},4000, but runs on {core}"
        )
        assert child.request("peak", 1.0) == greeting
    assert not child.alive
