"""Shares of the best by a second measurement: what rankings are judged by without its luck.

Of the candidates that were timed again, in pairs, the fastest *then* is the denominator, and every
choice counts with the time that it took then; who was chosen follows from the first measurement
and the ranking alone. So neither side profits from having been picked for a lucky time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.analysis.figure import Figure
from harness.record.result import BEST_OF_FEW, BEST_OF_TOP, DRAWN, FIRST_CHOICE

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AgainShares:
    """Of a ranking's first choice, the best of its first five, and the best of its first 5 %."""

    first: Figure
    few: Figure
    top: Figure | None = None


def again_shares(rows: Sequence[Row], ranking: str) -> AgainShares | None:
    """Of the ranking's choices among the rows that were timed again; None without them."""
    found = [_named(rows, f"{role} {ranking}") for role in (FIRST_CHOICE, BEST_OF_FEW, BEST_OF_TOP)]
    first, few, top = found
    return None if first is None or few is None else AgainShares(first, few, top)


def drawn_shares(rows: Sequence[Row]) -> AgainShares | None:
    """What no ranking reaches: the expected share of a random pick, and the best of those drawn."""
    drawn = [float(row["share"]) for row in rows if DRAWN in row["roles"]]
    return AgainShares(Figure(fmean(drawn)), Figure(max(drawn))) if drawn else None


def _named(rows: Sequence[Row], role: str) -> Figure | None:
    for row in rows:
        if role in row["roles"]:
            low, high = row["ci95"]
            return Figure(float(row["share"]), (float(low), float(high)))
    return None
