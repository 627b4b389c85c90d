from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.scratch import PREFIX, clear_scratch, scratch_folder

HOLDS = (
    "import sys, time; from pathlib import Path; from harness.scratch import scratch_folder\n"
    "with scratch_folder(Path(sys.argv[1])) as folder:\n"
    "    (folder / 'data').touch(); print(folder, flush=True); time.sleep(60)"
)


def test_a_folder_is_private_and_goes(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "data").touch()
        assert folder.stat().st_mode & 0o777 == 0o700
        clear_scratch(tmp_path)
        assert (folder / "data").exists()
    assert not list(tmp_path.iterdir())
    clear_scratch(tmp_path / "nowhere")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_cleared(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        clear_scratch(tmp_path)
        assert (folder / "data").exists()
        holder.send_signal(number)
    assert folder.exists()
    clear_scratch(tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_folders_of_this_name_host_and_user_are_cleared(tmp_path: Path) -> None:
    own = f"{PREFIX}.{socket.gethostname()}."
    kept = [tmp_path / "mine", tmp_path / f"{PREFIX}.elsewhere.x", tmp_path / f"{own}file"]
    for folder in kept[:2]:
        folder.mkdir()
    kept[2].touch()
    (tmp_path / f"{own}link").symlink_to(tmp_path / "mine")
    (tmp_path / f"{own}left").mkdir()
    if os.getuid() == 0:  # nobody else can make one of another user
        kept.append(tmp_path / f"{own}foreign")
        kept[-1].mkdir()
        os.chown(kept[-1], 12345, -1)
    clear_scratch(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / f"{own}link"])
