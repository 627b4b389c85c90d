"""What of a survey's candidates a ranking's choice reaches, as claims ask for it."""

from __future__ import annotations

from typing import Protocol

from harness.analysis.figure import Figure
from harness.analysis.rank_quality import MEDIAN, RANDOM, RankQuality, rank_quality
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult

RANKED = ("first", "few", "top", RANDOM, MEDIAN)


class Asked(Protocol):
    """A figure of RANKED, of a ranking, by the second measurement alone where it is `again`."""

    @property
    def ranking(self) -> str: ...
    @property
    def figure(self) -> str: ...
    @property
    def again(self) -> bool: ...


def ranking_figure(folder: CampaignFolder, survey: TrialResult, asked: Asked) -> Figure | None:
    """The share of the best on the survey's problem; None where it does not tell."""
    found = rank_quality([survey], folder.candidates, folder.again)
    wanted = asked.figure if asked.figure in (RANDOM, MEDIAN) else asked.ranking
    for one in found.problems:
        if one.ranking == wanted:
            return _figure(one, asked)
    return None


def _figure(one: RankQuality, asked: Asked) -> Figure | None:
    if asked.again and asked.figure != MEDIAN:
        held = one.again
        figures = {} if held is None else {"few": held.few, "top": held.top}
        return figures.get(asked.figure, None if held is None else held.first)
    return one.best_of_few if asked.figure == "few" else one.first
