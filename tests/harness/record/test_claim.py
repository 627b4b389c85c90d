from __future__ import annotations

from datetime import datetime

import pytest

from harness.errors import RecordError, SettingsError
from harness.record.claim import campaign_name
from harness.settings import load_settings

NOW = datetime(2026, 1, 2, 3, 4, 5)


def test_names() -> None:
    def name(*overrides: str) -> str:
        (settings,) = load_settings(overrides)
        return campaign_name(settings.campaign, NOW)

    assert name("experiment=quickstart") == "20260102-030405-quickstart"
    assert name("campaign.dir=some/where") == "where"
    assert name("campaign.name=mine") == "mine"
    with pytest.raises(SettingsError, match="is no name"):
        name("campaign.name=../mine")
    with pytest.raises(RecordError, match="nowhere"):
        name("campaign.resume=nowhere")
