"""40 hostile inputs: no traceback, none over 10 s or 1 GB, no file outside a scratch folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEED = 6000
INPUTS = 40  # tests/soak has 10,000


def hostile_inputs(seed: int, count: int, first: int = 0) -> tuple[bool, str]:
    """Whether all is well, and counts by kind with every fault by its seed and number."""
    command = [sys.executable, "-m", "tests.fuzz", *map(str, (seed, count, first))]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # forks must be alone
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


@pytest.mark.timeout(300)
def test_hostile_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    well, told = hostile_inputs(SEED, INPUTS)
    with capsys.disabled():
        print(f"\n{told}")
    assert well, told
