"""A tool's process: how it ends is told, and nothing that it has started stays."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from harness.baseline.tool.supervised import Ended, run_supervised
from tests.processes import runs

CORE = min(os.sched_getaffinity(0))
# A worker in a session of its own, as tuners have them; its number is written before it sleeps.
WORKER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
"""


def supervised(text: str, *arguments: str, limit: float = 30.0) -> Ended:
    return run_supervised(["-c", text, *arguments], [CORE], limit, {}, Path(sys.executable))


def test_runs_on_its_cores_and_ends() -> None:
    text = "import os, sys; sys.exit(f'cores {os.sched_getaffinity(0)}')"
    ended = supervised(text)
    assert ended.status == 1
    assert ended.last_line == f"cores {{{CORE}}}"


def test_nothing_of_the_environment_is_handed_on_by_itself() -> None:
    ended = supervised("import os, sys; sys.exit(' '.join(sorted(os.environ)))")
    assert set(ended.last_line.split()) <= {"PATH", "POLYDL_SUPERVISED", "LC_CTYPE"}


def test_a_process_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = time.monotonic()
    ended = supervised(f"{WORKER}\ntime.sleep(600)", str(pid), limit=1.5)
    assert ended.status is None
    assert time.monotonic() - start < 20
    assert not runs(int(pid.read_text()))


def test_children_that_are_left_behind_are_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert supervised(WORKER, str(pid)).status == 0
    assert not runs(int(pid.read_text()))


def test_a_crash_is_told(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    text = f"{WORKER}\nimport os; print('about to', file=sys.stderr); os.abort()"
    ended = supervised(text, str(pid))
    assert ended.status == -6
    assert ended.last_line == "about to"
    assert not runs(int(pid.read_text()))
