from __future__ import annotations

from pathlib import Path

from harness.record.configuration import configuration_text
from harness.record.journal import CampaignFolder
from harness.settings import load_settings
from harness.settings.recorded import problem_key, recorded_primitives


def test_every_problem_of_a_sweep_by_its_facts(tmp_path: Path) -> None:
    swept = load_settings(["-m", "primitive=matmul", "primitive.sizes.n=16,32"])
    text = configuration_text([one.resolved for one in swept], ["run"])
    (tmp_path / "campaign.yaml").write_text(text)
    found = recorded_primitives(CampaignFolder(tmp_path))
    assert len(found) == 2
    for primitive in found.values():
        key = problem_key({"primitive": "matmul", "sizes": dict(reversed(primitive.sizes))})
        assert found[key] == primitive


def test_no_configuration_no_problems(tmp_path: Path) -> None:
    assert recorded_primitives(CampaignFolder(tmp_path)) == {}
