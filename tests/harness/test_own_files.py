from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.own_files import is_own, own_bytes, private_folder, put
from tests.harness.accounts import UNTRUSTED, untrusted


def refused(path: Path) -> str:
    with pytest.raises(EnvironmentProblem, match=r"; remove it$") as problem:
        private_folder(path)
    told = str(problem.value)
    assert str(path)[:40] in told and "\n" not in told
    return told


def test_a_folder_is_made_closed(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777, 0o1777, 0o2770])
def test_an_open_one_is_closed(mode: int, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    private_folder(tmp_path / "open")
    assert (tmp_path / "open").stat().st_mode & 0o077 == 0


def test_a_link_to_a_folder_of_ones_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("disk")
    assert private_folder(tmp_path / "link") == tmp_path / "link"
    assert (tmp_path / "disk").stat().st_mode & 0o777 == 0o700


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert "no folder" in refused(tmp_path / "file")
    assert "Not a directory" in refused(tmp_path / "file" / "below")
    assert "no folder" in refused(tmp_path / "dangling")
    assert "no folder" in refused(tmp_path / "pipe")
    assert "too long" in refused(tmp_path / ("n" * 300))


def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """As root one that was given away; as anybody else one of root's."""
    foreign = tmp_path / "foreign"
    if os.geteuid() == 0:
        foreign.mkdir(mode=0o755)
        untrusted(foreign, "another's")
    else:
        foreign.symlink_to("/usr")
    before = foreign.stat().st_mode
    assert "it belongs to user " in refused(foreign)
    assert foreign.stat().st_mode == before


def test_a_folder_on_a_read_only_disk_is_refused(tmp_path: Path) -> None:
    code = f"from harness.own_files import *; private_folder(Path({str(tmp_path)!r}))"
    mounted = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$1" -c "$2"'
    done = subprocess.run(
        ["unshare", "-r", "-m", "sh", "-c", mounted, str(tmp_path), sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"{tmp_path} cannot be used: it is read-only; remove it" in done.stderr


@pytest.mark.parametrize("how", UNTRUSTED)
def test_what_others_can_have_written_is_not_read(how: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    put(file, b"mine")
    assert own_bytes(file) == b"mine" and is_own(file)
    untrusted(file, how)
    assert own_bytes(file) is None and not is_own(file)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    put(tmp_path / "file", b"mine")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", "nothing", "."):
        assert own_bytes(tmp_path / name) is None
    assert own_bytes(Path("/dev/zero")) is None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """By many at once: whoever reads finds one of the contents."""
    contents = [bytes([letter]) * 100_000 for letter in range(8)]
    put(tmp_path / "file", contents[0])
    with ThreadPoolExecutor(4) as threads:
        for content in contents * 2:
            threads.submit(put, tmp_path / "file", content)
        for _ in range(50):
            assert own_bytes(tmp_path / "file") in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_put_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        put(tmp_path / "file", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of calls is all that a test can see of a power cut."""
    order: list[str] = []

    def watched(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def called(*arguments: object) -> None:
            order.append(name)
            real(*arguments)

        return called

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, watched(name))
    put(tmp_path / "file", b"data")
    assert order == ["fsync", "replace", "fsync"]
