"""Which folder a campaign writes to, by its name or its place, and for this process alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from harness.choices import CampaignChoice
from harness.errors import SettingsError
from harness.outside import path_of
from harness.record.journal import RUNS, find_campaign
from harness.record.result_line import NAME, NAMED
from harness.record.writer import CampaignWriter, FolderTaken


def campaign_name(choice: CampaignChoice, now: datetime) -> str:
    """The chosen name, the folder's, or date, time and experiment."""
    if choice.resume is not None:
        return find_campaign(choice.resume).name
    if choice.name is not None:
        if not NAME.fullmatch(choice.name):
            raise SettingsError(f"campaign.name: '{choice.name}' is no name ({NAMED})")
        return choice.name
    if choice.dir is not None:
        return path_of(choice.dir).resolve().name
    return f"{now:%Y%m%d-%H%M%S}-{choice.experiment or 'run'}"


def campaign_path(choice: CampaignChoice, name: str) -> Path:
    """The folder the campaign writes to."""
    if choice.resume is not None:
        return find_campaign(choice.resume).path
    return path_of(choice.dir) if choice.dir is not None else RUNS / name


@contextmanager
def claimed(choice: CampaignChoice, name: str) -> Iterator[CampaignWriter]:
    """The campaign's folder, for this process alone; what it made is gone if nothing was begun."""
    with _writer(choice, name) as writer:
        try:
            yield writer
        finally:
            if not writer.folder.starts_file.exists():
                writer.discard()


def _writer(choice: CampaignChoice, name: str) -> CampaignWriter:
    """The default name takes a suffix where it exists: NAME-2, NAME-3 and so on."""
    path = campaign_path(choice, name)
    if not choice.named_by_default:
        return CampaignWriter(path, resume=choice.resume is not None)
    for number in count(2):
        try:
            return CampaignWriter(path, new=True)
        except FolderTaken:
            path = RUNS / f"{name}-{number}"
    raise AssertionError("count() ends")
