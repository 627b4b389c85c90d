from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.arguments import campaign_argument, tracking_of
from harness.cli.dashboard import HOST, free_port
from harness.errors import RecordError, SettingsError
from harness.record.journal import CampaignFolder


def test_the_campaign_and_its_options() -> None:
    keys = ("uri", "port")
    assert campaign_argument(["one"], "use", keys) == ("one", {})
    assert campaign_argument(["tracking.uri=sqlite:///x", "one"], "use", keys) == (
        "one",
        {"uri": "sqlite:///x"},
    )
    assert campaign_argument([], "use", keys, optional=True) == (None, {})
    for wrong in ([], ["a", "b"], ["--x"], ["color=red"], ["port="]):
        with pytest.raises(SettingsError, match="usage: use"):
            campaign_argument(wrong, "use", keys)


def test_the_store_is_the_options_or_the_campaigns(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path)
    assert tracking_of(folder, {}) == (None, "polydl")
    folder.configuration.write_text("# polydl run\ntracking: {uri: 'http://a', experiment: e}\n")
    assert tracking_of(folder, {}) == ("http://a", "e")
    assert tracking_of(folder, {"uri": "b"}) == ("b", "e")
    folder.configuration.write_text("a: [")
    with pytest.raises(RecordError, match="cannot be read as YAML"):
        tracking_of(folder, {})


def test_a_port_on_loopback() -> None:
    assert HOST == "127.0.0.1"
    assert 0 < free_port(None) < 65536
    for wrong in ("0", "x", "70000"):
        with pytest.raises(SettingsError, match="port must be"):
            free_port(wrong)
