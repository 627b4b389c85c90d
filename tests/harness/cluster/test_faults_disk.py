"""A full disk under the journal or the build cache, and a compiler that hangs: real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernel.c_compiler import CCompiler, compiler_here
from harness.kernel.toolchain import Toolchain
from harness.measure.native import timing_library
from harness.record.journal import CampaignFolder
from tests.harness.cluster.drivers import Driver, check_journal, swept
from tests.harness.cluster.faults import check_nothing_left
from tests.harness.cluster.namespaces import inside, unshared

UNITS = 4
FULL = "No space left on device"


class SmallDisk:
    """A file system in memory, of so many KiB, that only processes inside its namespace see."""

    def __init__(self, place: Path) -> None:
        self._holder = unshared("mount", "net")
        self.place = place
        place.mkdir()

    @property
    def before(self) -> list[str]:
        return inside(self._holder)

    @property
    def seen(self) -> Path:
        """The place as the processes inside see it."""
        return Path(f"/proc/{self._holder.pid}/root{self.place}")

    def resize(self, kib: int) -> None:
        mounted = os.path.ismount(self.seen)
        options = f"remount,size={kib}k" if mounted else f"size={kib}k"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        subprocess.run([*self.before, *command], check=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    one = SmallDisk(tmp_path / "disk")
    yield one
    one.close()


SERIAL = "cluster=serial"


def test_a_full_disk_under_the_journal_loses_nothing(
    disk: SmallDisk, build_cache: Path, tmp_path: Path
) -> None:
    disk.resize(48)
    folder = disk.place / "full"
    first = Driver(
        tmp_path / "log",
        build_cache,
        *swept(UNITS),
        SERIAL,
        f"campaign.dir={folder}",
        before=disk.before,
    )
    assert first.status() == 2, first.told
    last = first.told.splitlines()[-1]
    assert last.startswith("polydl run: campaign folder") and last.endswith(FULL), first.told
    kept = CampaignFolder(disk.seen / "full").results()
    assert 0 < len(kept) < UNITS
    check_nothing_left(build_cache / "polydl", "full")
    disk.resize(4096)
    second = Driver(
        tmp_path / "log",
        build_cache,
        *swept(UNITS),
        SERIAL,
        f"campaign.resume={folder}",
        before=disk.before,
    )
    assert second.status() == 0, second.told
    assert check_journal(disk.seen / "full", UNITS) == {"ok": UNITS}
    assert CampaignFolder(disk.seen / "full").results()[: len(kept)] == kept


def test_a_full_disk_under_the_cache_fails_units_in_one_line(
    disk: SmallDisk, cache: Path, tmp_path: Path
) -> None:
    timer = timing_library(Toolchain.opened(cache))
    assert isinstance(timer, Path)
    disk.resize(16384)
    needed = [*cache.glob("ceilings-*"), timer]
    for file in needed:
        target = disk.seen / "polydl" / file.relative_to(cache)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    used = sum(file.stat().st_size for file in needed)
    disk.resize(used // 1024 + 40)
    driver = Driver(
        tmp_path / "log",
        disk.place,
        *swept(UNITS),
        f"campaign.dir={tmp_path / 'full'}",
        before=disk.before,
    )
    assert driver.status() == 1, driver.told
    counts = check_journal(tmp_path / "full", UNITS)
    assert counts["failed"]
    for result in CampaignFolder(tmp_path / "full").results():
        if result.status == "failed":
            assert FULL in str(result.reason) and "\n" not in str(result.reason)


def test_a_compiler_that_hangs_is_a_failure(build_cache: Path, tmp_path: Path) -> None:
    real = compiler_here()
    assert isinstance(real, CCompiler)
    folder = tmp_path / "bin"
    folder.mkdir()
    hanging = folder / Path(real.path).name
    hanging.write_text(
        "#!/bin/sh\n"
        'for word; do case "$word" in *kernel.c) '
        f'grep -q polydl_kernel "$word" && exec sleep 1000;; esac; done\nexec {real.path} "$@"\n'
    )
    hanging.chmod(0o755)
    driver = Driver(
        tmp_path / "log",
        build_cache,
        *swept(2),
        SERIAL,
        "measure.compile_seconds=1",
        f"campaign.dir={tmp_path / 'hung'}",
        environment={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
    )
    assert driver.status() == 1, driver.told
    assert check_journal(tmp_path / "hung", 2) == {"failed": 2}
    for result in CampaignFolder(tmp_path / "hung").results():
        assert (result.stage, result.reason) == ("compile", "timed out after 1 s of compiling")
    check_nothing_left(build_cache / "polydl", "hung")
