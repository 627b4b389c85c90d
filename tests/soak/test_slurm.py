"""The job of examples/slurm on two nodes of Debian's Slurm, one of which dies in the middle."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.record.journal import CampaignFolder
from tests.processes import names
from tests.soak.slurm_nodes import NAMES, SlurmNodes, until

pytestmark = [pytest.mark.soak, pytest.mark.needs("slurmctld"), pytest.mark.timeout(3600)]
SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "slurm" / "polydl.sbatch"
SIZES = range(16, 144, 16)
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT")
LONG = 900.0  # seconds for a campaign of 8 small problems on a busy machine


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[SlurmNodes]:
    nodes = SlurmNodes(tmp_path)
    nodes.environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        # Ray would leave 127.0.0.1, which Slurm has, for the host's own address. It listens on
        # every address all the same, behind the job's token: nodes that join are made to.
        "POLYDL_ADDRESSES": "127.0.0.2 127.0.0.3",
    }
    try:
        nodes.open()
        yield nodes
    finally:
        nodes.close()


def test_a_node_dies_in_the_middle(slurm: SlurmNodes, tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path / "campaign")
    sizes = ",".join(map(str, SIZES))
    words = [
        *("-m", "primitive=matmul", f"primitive.sizes.m={sizes}", "primitive.sizes.k=64"),
        *("measure=quick", "baseline=[]", "tracking=journal", f"campaign.dir={folder.path}"),
    ]
    log = tmp_path / "job.log"
    told = slurm.told("sbatch", "--parsable", f"--output={log}", str(SCRIPT), *words)
    number = int(told)
    until(lambda: log.is_file() and "polydl-a polydl-b have joined" in log.read_text(), LONG)
    until(lambda: folder.results_file.is_file() and bool(folder.results()), LONG)
    slurm.kill(NAMES[1])
    until(lambda: slurm.states().get(NAMES[1], "").startswith("down"), LONG)
    until(lambda: slurm.job(number).get("JobState") in ENDED, LONG)
    assert slurm.job(number)["JobState"] == "COMPLETED", log.read_text()
    results = folder.results()
    assert sorted(str(result.problem["name"]) for result in results) == sorted(
        f"matmul_m{size}" for size in SIZES
    )
    assert {result.status for result in results} == {"ok"}
    running = names(psutil.process_iter())
    assert not [one for one, name in running if "raylet" in name and _of(one, number)]
    assert not Path(f"/tmp/polydl-ray-{number}").exists()


def _of(process: psutil.Process, job: int) -> bool:
    try:
        return bool(process.environ().get("SLURM_JOB_ID") == str(job))
    except (psutil.Error, OSError):
        return False


def test_the_script_is_one_that_bash_reads() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    assert os.spawnl(os.P_WAIT, bash, "bash", "-n", str(SCRIPT)) == 0
