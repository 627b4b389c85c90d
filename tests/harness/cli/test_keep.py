from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.record.journal import CampaignFolder


def test_a_campaign_is_kept_with_its_page(
    small_campaign: CampaignFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["keep", str(small_campaign.path), "kept"]) == 0
    assert "records: kept, 0." in capsys.readouterr().out
    files = {file.name: file.read_bytes() for file in Path("kept").iterdir()}
    assert set(files) == {
        *("campaign.yaml", "starts.jsonl", "results.jsonl.gz", "samples.jsonl.gz"),
        *("candidates.jsonl.gz", "report.html"),
    }
    assert main(["keep", "kept", "kept"]) == 0  # made of itself, it is the same
    assert {file.name: file.read_bytes() for file in Path("kept").iterdir()} == files
    for words in (["show", "kept"], ["export-data", "kept"], ["compare", "kept", "kept"]):
        assert main(words) == 0
    assert main(["run", "campaign.resume=kept"]) == 2
    assert "holds a kept campaign, which is read alone" in capsys.readouterr().err
