"""A test that hangs or ends its process fails alone, and the others still run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BACKGROUND = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as scripts start what ends in &
HANGING = """
import itertools
import signal
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
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""

SOAKED = """
import os
import pytest

@pytest.mark.soak
def test_it(tmp_path):
    (tmp_path / "some_gigabytes").touch()
    {}
"""


def test_what_hangs_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = [*BACKGROUND, sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
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


def test_a_soak_goes_on_behind_a_module_that_dies(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = soak\n")
    dies, fails, lives = (tmp_path / f"test_{name}.py" for name in ("dies", "fails", "lives"))
    for module, last in ((dies, "os._exit(1)"), (fails, "assert False"), (lives, "pass")):
        module.write_text(SOAKED.format(last))
    modules = " ".join(map(str, (dies, fails, lives)))
    folders = tmp_path / "folders"
    folders.mkdir()
    words = ["STAMP=", f"BIN={Path(sys.executable).parent}", f"SOAKED={modules}"]
    run = subprocess.run(
        ["make", "-C", ROOT, "soak", *words],
        env={**os.environ, "PYTEST_DEBUG_TEMPROOT": str(folders)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stdout
    assert f"failed: {dies} {fails}\n" in run.stderr
    assert "1 passed" in run.stdout
    assert len(list(folders.rglob("some_gigabytes"))) == 2  # of those that did not pass
