"""A test that hangs fails, whether Python or native code hangs, and the others still run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HANGING = """
import itertools
import time
import pytest

@pytest.fixture
def left_behind():
    yield
    print("put away")

@pytest.mark.timeout(6)  # and 1.5 s to be put away, on a busy machine
def test_python(left_behind):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass

@pytest.mark.timeout(0.5)
def test_native_code_that_keeps_the_interpreter():
    sum(itertools.repeat(0))

def test_neither():
    pass
"""


def test_what_hangs_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "tests.conftest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [*command, "--numprocesses=1", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 1, said
    assert "2 failed, 1 passed" in said
    assert "Timeout (>6.0s) from pytest-timeout" in said and "put away" in said
    assert "crashed while running" in said and "in test_native_code" in said
