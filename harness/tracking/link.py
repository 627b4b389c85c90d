"""The link to a campaign in the UI of a server, with its view where the store takes one."""

from __future__ import annotations

from typing import Any

from harness.analysis.groups import baselines_of
from harness.errors import RecordError
from harness.record.identity import identity_of
from harness.record.journal import CampaignFolder
from harness.tracking.address import (
    SHARED_VIEW,
    campaign_address,
    campaigns_address,
    shared_view,
    view_key,
)
from harness.tracking.client import client_of
from harness.tracking.refusal import refusal, without_password


def link_to(server: str, experiment: str, folder: CampaignFolder | None) -> str:
    """Of the campaign in a folder, or of all of the experiment.

    Raises RecordError where the server does not answer, or has not got the campaign.
    """
    try:
        client = client_of(server)
        found = client.get_experiment_by_name(experiment)
        if folder is None:
            return server if found is None else campaigns_address(server, found.experiment_id)
        campaign = identity_of(folder.identity_file, folder.results_file).id
        if found is None or not _runs_of(client, found.experiment_id, campaign):
            raise RecordError(
                f"{folder.path} is not in the store; `polydl sync {folder.path}` brings it there"
            )
        baselines = baselines_of(folder.results())
        key = _kept(client, found.experiment_id, campaign, shared_view(campaign, baselines))
    except RecordError:
        raise
    except Exception as fault:  # whatever MLflow raises, see MlflowSink
        raise RecordError(f"MLflow at {without_password(server)}: {refusal(fault)}") from fault
    return campaign_address(server, found.experiment_id, campaign, baselines, key)


def _runs_of(client: Any, experiment: str, campaign: str) -> bool:
    condition = f"tags.campaign_id = '{campaign}'"
    return bool(client.search_runs([experiment], condition, max_results=1))


def _kept(client: Any, experiment: str, campaign: str, view: str) -> str | None:
    """The key of the view, None where this login may not keep one."""
    key = view_key(campaign)
    try:
        client.set_experiment_tag(experiment, f"{SHARED_VIEW}{key}", view)
    except Exception:  # the list is there without its columns
        return None
    return key
