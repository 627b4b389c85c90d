from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.cluster.shipment import shipped
from harness.measure.host import git_commit, versions

TOLD = """
import json
import harness.cluster.agent
from harness.measure.host import git_commit, versions
import sys
print(json.dumps([harness.__file__, git_commit(), versions()["polydl"],
                  [name for name in ("hydra", "omegaconf", "mlflow") if name in sys.modules]]))
"""


def test_shipped_code_runs_alone_and_knows_what_it_is() -> None:
    with shipped() as folder:
        assert {path.name for path in folder.iterdir()} >= {"compiler", "harness", "conf"}
        assert not list(folder.rglob("__pycache__"))
        assert sum(path.stat().st_size for path in folder.rglob("*")) < 4 << 20
        done = subprocess.run(
            [sys.executable, "-c", TOLD],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        file, commit, version, settings = json.loads(done.stdout)
        assert Path(file).is_relative_to(folder)
        assert (commit, version) == (git_commit(), versions()["polydl"])
        assert not settings, "a node needs what requirements.py names, and no more"
    assert not folder.exists()
