"""PyTorch's tensors, by the example that shows them; brings PyTorch, some gigabytes, by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak

ROOT = Path(__file__).parents[2]


def test_the_example_runs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    packages = str(tmp_path / "packages")
    subprocess.run([*pip, "--target", packages, "torch"], check=True)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "torch_tensors.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), packages])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "equal to torch" in done.stdout
