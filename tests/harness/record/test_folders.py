from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.record.folders import made_folders, remove_empty


def test_what_stood_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    made = made_folders(tmp_path / "a" / "b" / "c")
    assert made == (tmp_path / "a" / "b", tmp_path / "a" / "b" / "c")
    assert made_folders(tmp_path / "a" / "b" / "c") == ()
    remove_empty(made)
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    made = made_folders(tmp_path / "a" / "b" / "c")
    (tmp_path / "a" / "mine").touch()
    remove_empty(made)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "mine"]


def test_a_file_in_the_way_takes_nothing_with_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        made_folders(tmp_path / "file" / "b")
    with pytest.raises(OSError, match="File name too long"):
        made_folders(tmp_path / "new" / ("x" * 300))
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_of_several_processes_one_has_made_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.record.folders import made_folders\n"
        "while not Path(sys.argv[1]).exists(): pass\n"
        "print(len(made_folders(Path(sys.argv[2]))))"
    )
    go, wanted = tmp_path / "go", tmp_path / "a" / "b"
    command = [sys.executable, "-c", code, str(go), str(wanted)]
    with ThreadPoolExecutor(4) as threads:
        several = [threads.submit(subprocess.check_output, command, timeout=60) for _ in range(4)]
        time.sleep(0.3)  # most are up by then
        go.touch()
        assert sum(int(one.result()) for one in several) == 2
