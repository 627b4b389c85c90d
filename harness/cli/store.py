"""The store of a recorded campaign, for the commands that work on one."""

from __future__ import annotations

from harness.record.configuration import Tracking, recorded_tracking
from harness.record.journal import CampaignFolder

EXPERIMENT = "polydl"


def tracking_of(
    folder: CampaignFolder, uri: str | None = None, experiment: str | None = None
) -> tuple[str | None, str]:
    """Address and experiment: those given, else what the campaign was run with."""
    recorded = Tracking()
    if folder.configuration.is_file():
        recorded = recorded_tracking(folder.configuration)
    return uri or recorded.uri, experiment or recorded.experiment or EXPERIMENT
