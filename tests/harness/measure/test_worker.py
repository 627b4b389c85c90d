from __future__ import annotations

import subprocess
import sys

from harness.measure.child import ChildSettings


def test_it_starts_without_what_references_are_computed_with() -> None:
    """Several children measure every trial, and scipy takes as long to load as all else of one."""
    code = f"import sys, {ChildSettings.module}; print({{'scipy', 'islpy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
