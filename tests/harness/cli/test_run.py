from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.cli.run import resuming
from harness.record.journal import CampaignFolder
from harness.settings import resumed_alone


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("runs/20260101-120000-run", "polydl run campaign.resume=20260101-120000-run"),
        ("elsewhere/one", "polydl run campaign.resume=elsewhere/one"),
        ("/data/one", "polydl run campaign.resume=/data/one"),
        ("runs/12", """polydl run 'campaign.resume='"'"'12'"'"''"""),
    ],
)
def test_the_command_that_goes_on_with_a_campaign(path: str, command: str) -> None:
    assert resuming(CampaignFolder(Path(path))) == command


@pytest.mark.parametrize("path", ["/a b/c", "it's", "a,b", "null", "[x]", "a=b", "/a\\", "$HOME"])
def test_any_folder_is_named_as_it_is(path: str) -> None:
    _, _, *words = shlex.split(resuming(CampaignFolder(Path(path))))
    assert resumed_alone(words) == path
