"""The review page of campaigns as a file: read, put together and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.errors import CompilerError, shown
from compiler.problem.primitive import Primitive
from harness.analysis.comparison import compared
from harness.analysis.history import history
from harness.analysis.recorded import recorded
from harness.analysis.review.review import review_of
from harness.errors import HarnessError, RecordError
from harness.outside import write_text
from harness.record.journal import CampaignFolder
from harness.record.writer import write_whole
from harness.report.comparison_data import comparison_data, history_data
from harness.report.review_page import as_html
from harness.settings import quoted
from harness.settings.recorded import problem_key, recorded_primitives

COMPARED = "compared.html"  # beside a campaign's own page


def write_review(folder: CampaignFolder, out: Path | None = None) -> Path:
    """The page of a campaign, in its folder where nothing else is said; gives the path.

    Raises RecordError where the campaign cannot be read or its folder cannot be written,
    Unwritable for `out`.
    """
    return _written(_page(folder), folder.report, out)


def write_comparison(folders: Sequence[CampaignFolder], out: Path | None = None) -> Path:
    """The second campaign's page, compared with the first; of several the newest's, with all
    before it. In its folder where nothing else is said; gives the path. Raises as write_review.
    """
    known = [(recorded(folder), folder) for folder in folders]
    if len(known) == 2:
        data = comparison_data(compared(known[0][0], known[1][0]))
    else:
        known.sort(key=lambda one: one[0].started)
        data = history_data(history([one for one, _ in known]))
    last = known[-1][1]
    return _written(_page(last, data), last.path / COMPARED, out)


def _page(folder: CampaignFolder, comparison: Mapping[str, Any] | None = None) -> str:
    primitives = _primitives(folder)

    def primitive_of(problem: Mapping[str, object]) -> Primitive | None:
        return primitives.get(problem_key(problem))

    return as_html(review_of(folder, primitive_of, quoted), comparison)


def _primitives(folder: CampaignFolder) -> Mapping[str, Primitive]:
    """None of a campaign whose configuration is lost, or means nothing to this version."""
    try:
        return recorded_primitives(folder)
    except (HarnessError, CompilerError):
        return {}


def _written(text: str, place: Path, out: Path | None) -> Path:
    if out is not None:
        write_text(out, text)
        return out
    try:
        write_whole(place, text)
    except OSError as fault:
        raise RecordError(f"{shown(place, 120)}: {shown(fault)}; name an out=PATH") from fault
    return place
