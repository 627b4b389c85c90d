"""Many more kernels than the default tests take time for; run by `make soak`."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness.record.journal import CampaignFolder
from tests.compiler.codegen.fused_problems import EVERY
from tests.compiler.codegen.random_schedules import random_problem
from tests.compiler.codegen.targets import COMPILED
from tests.compiler.codegen.test_lane_reads import check_random_nests
from tests.compiler.codegen.test_random_chains import check_random_chains
from tests.compiler.codegen.test_random_kernels import check_random_kernels
from tests.compiler.codegen.test_staging import check_random_attachments
from tests.compiler.lower.test_pieces import check_kept_rows
from tests.compiler.lower.test_pieces import check_random_attachments as check_refusals
from tests.compiler.lower.test_stages import check_random_stages
from tests.compiler.lower.test_statement_pairs import check_chains
from tests.harness.campaigns import BRIEF
from tests.harness.kernel.batch_rounds import check_rounds

pytestmark = pytest.mark.soak
RANDOM_KERNELS = 3000
SIZES = 300  # of each primitive
RANDOM_CHAINS = 3000
RANDOM_NESTS = 1000
ENUMERATED = 500  # chains whose every iteration is looked at
ODD_PROBLEMS = 24


def test_random_kernels_by_the_thousand(tmp_path: Path, seed: int) -> None:
    check_random_kernels(tmp_path, seed, RANDOM_KERNELS)


def test_random_chains_by_the_thousand(tmp_path: Path, seed: int) -> None:
    check_random_chains(tmp_path, seed, RANDOM_CHAINS)


def test_random_attachments_by_the_thousand(tmp_path: Path, seed: int) -> None:
    check_random_attachments(tmp_path, seed, RANDOM_CHAINS)


def test_random_trees_agree_with_enumeration_by_the_hundred(seed: int) -> None:
    check_chains(seed, ENUMERATED)
    check_refusals(seed, ENUMERATED)
    check_kept_rows(seed, ENUMERATED)
    check_random_stages(seed, ENUMERATED)


def test_random_nests_by_the_thousand(tmp_path: Path, seed: int) -> None:
    check_random_nests(tmp_path, seed, RANDOM_NESTS)


@pytest.mark.needs("clang")
@pytest.mark.timeout(6 * 3600)
def test_kernels_of_every_primitive_of_random_sizes(
    request: pytest.FixtureRequest, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By all rounds; where the host lacks the width of a vector its compiler splits it.

    With the `--seed` of a run that was stopped it goes on, and does again what failed.
    """
    folder = request.config.cache.mkdir(f"rounds-{seed}")
    found = check_rounds(EVERY, SIZES, seed, folder, COMPILED)
    with capsys.disabled():
        for kind, count in sorted(found.kernels.items()):
            print(f"{kind:32}{count:6}")
        print(f"{found.kernels.total()} kernels in {found.seconds:.0f} s")
    assert found.failures == ()


def test_best_schedules_of_every_resnet50_layer(tmp_path: Path) -> None:
    _run(tmp_path, "workload=resnet50", "strategy=[top_k]", "strategy.top_k.k=8")
    assert len(_all_verified(tmp_path)) == 20


def test_best_schedules_of_odd_problems(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(ODD_PROBLEMS):
        primitive = random_problem(rng)
        sizes = ", ".join(f"{name}: {value}" for name, value in primitive.sizes)
        folder = tmp_path / str(number)
        _run(
            folder,
            f"primitive={primitive.name}",
            f"primitive.sizes={{{sizes}}}",
            "strategy=[top_k]",
            "strategy.top_k.k=8",
        )
        assert len(_all_verified(folder)) == 1


def _run(folder: Path, *overrides: str) -> None:
    polydl = str(Path(sys.executable).with_name("polydl"))
    command = [polydl, "run", *overrides, *BRIEF, "baseline=[]", f"campaign.dir={folder}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _all_verified(folder: Path) -> list[str]:
    """The trials of a campaign; every candidate was right, none read outside its tensors."""
    campaign = CampaignFolder(folder)
    trials = []
    for result in campaign.results():
        assert result.status == "ok", result.reason
        for candidate in campaign.candidates(result.trial):
            assert candidate["stage"] is None, candidate
        trials.append(result.trial)
    return trials
