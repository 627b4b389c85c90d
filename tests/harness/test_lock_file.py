from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.lock_file import open_lock


def test_the_first_makes_it_and_all_may_write_a_shared_one(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        for path, shared, mode in ((tmp_path / "a", False, 0o600), (tmp_path / "b", True, 0o666)):
            first, second = open_lock(path, shared), open_lock(path, shared)
            assert os.path.sameopenfile(first, second)
            assert path.stat().st_mode & 0o777 == mode
            os.close(first)
            os.close(second)
    finally:
        os.umask(old)


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder"])
def test_whatever_else_lies_there_is_refused_and_untouched(kind: str, tmp_path: Path) -> None:
    precious, lock = tmp_path / "precious", tmp_path / "lock"
    precious.write_text("do not empty this")
    match kind:
        case "link":
            lock.symlink_to(precious)
        case "dangling link":
            lock.symlink_to(tmp_path / "made")
        case "hard link":
            lock.hardlink_to(precious)
        case "pipe":
            os.mkfifo(lock)
        case _:
            lock.mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(EnvironmentProblem, match=f"the lock {lock} cannot be") as problem:
        open_lock(lock)
    assert "\n" not in str(problem.value)
    assert precious.read_text() == "do not empty this"
    assert not (tmp_path / "made").exists()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_device_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="no regular file"):
        open_lock(Path("/dev/null"))
