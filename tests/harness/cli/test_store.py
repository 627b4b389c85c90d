from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.store import tracking_of
from harness.errors import RecordError
from harness.record.journal import CampaignFolder


def test_the_store_is_the_one_given_or_the_campaigns(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path)
    assert tracking_of(folder) == (None, "polydl")
    folder.configuration.write_text("# polydl run\ntracking: {uri: 'http://a', experiment: e}\n")
    assert tracking_of(folder) == ("http://a", "e")
    assert tracking_of(folder, "b") == ("b", "e")
    assert tracking_of(folder, "b", "f") == ("b", "f")
    folder.configuration.write_text("a: [")
    with pytest.raises(RecordError, match="cannot be read as YAML"):
        tracking_of(folder)
