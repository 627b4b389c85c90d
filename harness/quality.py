"""Rank quality of a recorded campaign, from the candidates that its strategies measured."""

from __future__ import annotations

from collections.abc import Sequence

from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.report.rank_quality import CampaignQuality, rank_quality


def campaign_quality(folder: CampaignFolder, results: Sequence[TrialResult]) -> CampaignQuality:
    """Empty where no strategy measured several candidates."""
    strategies = [result for result in results if result.kind == "strategy"]
    return rank_quality(strategies, {r.trial: folder.candidates(r.trial) for r in strategies})
