"""Judged claims as a table, as data and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.claims.claim import Claims
from harness.claims.reading import held_against
from harness.claims.verdict import VERDICTS, Here, Judged, expected_told
from harness.record.journal import CampaignFolder
from harness.record.writer import write_whole
from harness.report.grid import Cell, Column, Grid
from harness.report.pages import page

PAGE = "claims.html"
COLOURS = {"reproduced": "green", "deviates": "red", "not attempted": "yellow"}
HEADINGS = ("claim", "expected", "measured [95 %]", "problems", "verdict")


def claims_grid(found: Sequence[Judged]) -> Grid:
    """A row for each claim; why some have no verdict, or deviate, stands below."""
    rows = tuple(_row(one) for one in found)
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.note:
            reasons.setdefault(one.note, []).append(one.claim.name)
    notes = [Cell(f"{', '.join(names)}: {note}", "dim") for note, names in reasons.items()]
    columns = tuple(Column(head, right=head == "problems") for head in HEADINGS)
    return Grid(told(found), columns, (rows,) if rows else (), tuple(notes), airy=True)


def told(found: Sequence[Judged]) -> str:
    """12 claims: 8 reproduced, 1 deviates, 3 not attempted"""
    counts = Counter(one.verdict for one in found)
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    return f"{len(found)} claims: {', '.join(parts) or 'none'}"


def claims_data(found: Sequence[Judged], claims: Claims) -> list[Mapping[str, object]]:
    """All that is known of each claim, for other programs."""
    return [_data(one, claims) for one in found]


def as_html(found: Sequence[Judged], claims: Claims, of: str) -> str:
    """One file that opens from disk; `of` says whose records were read."""
    groups: dict[str, list[Mapping[str, object]]] = {}
    for one in found:
        groups.setdefault(one.claim.campaign or "", []).append(_data(one, claims))
    return page(
        "claims.html",
        told=told(found),
        of=of,
        deviating=[_data(one, claims) for one in found if one.verdict == "deviates"],
        groups=groups,
        hosts={name: host.says or host.cpu for name, host in claims.hosts.items()},
    )


def write_view(folder: CampaignFolder, claims: Claims, here: Here) -> Path:
    """The page of all claims, held against this campaign alone, in its folder. Raises OSError."""
    found = held_against(folder.path, claims, claims.claims.values(), here)
    target = folder.path / PAGE
    write_whole(target, as_html(found, claims, f"campaign {folder.name}"))
    return target


def _row(one: Judged) -> tuple[Cell, ...]:
    claim = one.claim
    return (
        Cell(claim.name, "bold"),
        Cell(expected_told(claim.expected, claim.tolerance)),
        Cell("" if one.measured is None else str(one.measured)),
        Cell(str(one.measured.problems or "") if one.measured is not None else ""),
        Cell(one.verdict, COLOURS[one.verdict]),
    )


def _data(one: Judged, claims: Claims) -> Mapping[str, object]:
    claim, measured = one.claim, one.measured
    campaign = None if claim.campaign is None else claims.campaigns[claim.campaign]
    host = claim.host or (None if campaign is None else campaign.host)
    return {
        "claim": claim.name,
        "says": claim.says,
        "source": str(claim.source),
        "quantity": claim.quantity,
        "expected": expected_told(claim.expected, claim.tolerance),
        "tolerance": "" if claim.tolerance is None else claim.tolerance.because,
        "value": None if measured is None else measured.value,
        "ci95": None if measured is None else [measured.low, measured.high],
        "measured": "" if measured is None else str(measured),
        "problems": None if measured is None else measured.problems,
        "verdict": one.verdict,
        "note": one.note,
        "command": "" if campaign is None else campaign.command,
        "minutes": None if campaign is None else campaign.minutes,
        "records": "" if campaign is None else campaign.records,
        "host": host,
    }
