"""A claim held against records: reproduced, deviates, or not attempted and why.

By interval: a claim is reproduced where the 95 % interval of what was measured has anything in
common with what is expected, widened by its tolerance; it deviates where it has nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from harness.claims.claim import Campaign, Claim, Claims, Expected, Host, Tolerance
from harness.claims.quantities import QUANTITIES, Measured
from harness.claims.records import NOT_YET, Records, Selection, Unanswered
from harness.errors import RecordError

Verdict = Literal["reproduced", "deviates", "not attempted"]
VERDICTS: tuple[Verdict, ...] = ("reproduced", "deviates", "not attempted")


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict; `note` is the reason, or what a reader should know of it."""

    claim: Claim
    verdict: Verdict
    measured: Measured | None = None
    note: str = ""

    @property
    def unexplained(self) -> bool:
        return self.verdict == "deviates" and self.claim.explained is None


@dataclass(frozen=True)
class Here:
    """The machine that asks: what it can measure, and what it lacks."""

    cpu: str
    cores: int
    missing: frozenset[str] = frozenset()  # baselines that are not installed


def judged(
    claim: Claim, claims: Claims, records: Records | str, here: Here, part: bool = False
) -> Judged:
    """Of records, or of the reason why there are none; `part`: by whichever of its problems it has.

    A claim about networks of which some have no records is not reproduced by the others.
    """
    if claim.not_attempted is not None or claim.campaign is None or claim.quantity is None:
        return Judged(claim, "not attempted", note=claim.not_attempted or "")
    campaign = claims.campaigns[claim.campaign]
    if isinstance(records, str):
        return Judged(claim, "not attempted", note=_unmeasured(records, campaign, claims, here))
    try:
        measured = QUANTITIES[claim.quantity].of(records, claim.of)
    except (Unanswered, RecordError) as reason:
        return Judged(claim, "not attempted", note=str(reason))
    host = claims.hosts[claim.host or campaign.host]
    foreign = [cpu for cpu in records.cpus if host.cpu not in cpu]
    if foreign:
        note = f"other machine: measured {measured} on {foreign[0]}, claimed of {host.cpu}"
        return Judged(claim, "not attempted", measured, note)
    assert claim.expected is not None
    assert claim.tolerance is not None
    low, high = allowed(claim.expected, claim.tolerance)
    lacking = ", ".join(records.lacking(claim.of))
    recorded = f"nothing is recorded of {lacking}" if lacking else ""
    if lacking and not part:
        return Judged(claim, "not attempted", measured, f"in part: {recorded}")
    left = _joined(recorded, _left(records, claim.of, measured))
    if measured.high < low or measured.low > high:
        return Judged(claim, "deviates", measured, _joined(claim.explained, left))
    inside = low <= measured.low and measured.high <= high
    beyond = "" if inside else "its interval reaches beyond"
    return Judged(claim, "reproduced", measured, _joined(beyond, left))


def allowed(expected: Expected, tolerance: Tolerance) -> tuple[float, float]:
    """What is expected, wider by the tolerance on either side; a bound on one side is open."""
    least = expected.value if expected.at_least is None else expected.at_least
    most = expected.value if expected.at_most is None else expected.at_most
    low = -inf if least is None else least - abs(least) * tolerance.share
    high = inf if most is None else most + abs(most) * tolerance.share
    return low, high


def expected_told(expected: Expected | None, tolerance: Tolerance | None) -> str:
    """1.05 +- 2 %, at least 0.95: as tables show it."""
    if expected is None or tolerance is None:
        return ""
    parts = [f"{expected.value:g}"] if expected.value is not None else []
    parts += [f"at least {expected.at_least:g}"] if expected.at_least is not None else []
    parts += [f"at most {expected.at_most:g}"] if expected.at_most is not None else []
    width = f" ± {100 * tolerance.share:g} %" if tolerance.share else ""
    return f"{', '.join(parts)}{width}"


def unfit(campaign: Campaign, hosts: Mapping[str, Host], here: Here) -> str | None:
    """Why this machine cannot measure what the campaign's claims are about; None where it can."""
    cpu = hosts[campaign.host].cpu
    other = None if cpu in here.cpu else f"other machine: {cpu} is claimed of, {here.cpu} is here"
    return _joined(lacked(campaign, here), other) or None


def lacked(campaign: Campaign, here: Here) -> str | None:
    """What this machine lacks to run the campaign at all; None where it has everything."""
    if here.cores < campaign.threads:
        return f"fewer cores: {campaign.threads} are needed, {here.cores} are here"
    missing = [name for name in campaign.needs if name in here.missing]
    return f"library missing: {', '.join(missing)}" if missing else None


def _left(records: Records, of: Selection, measured: Measured) -> str:
    """How many of the problems are not in the figure; one of a file is of no problems."""
    chosen = len(records.problems(of)) if measured.problems else 0
    left = chosen - measured.problems
    has = "has" if left == 1 else "have"
    return f"{left} of its {chosen} problems {has} no such figure" if left > 0 else ""


def _joined(*notes: str | None) -> str:
    return "; ".join(note for note in notes if note)


def _unmeasured(reason: str, campaign: Campaign, claims: Claims, here: Here) -> str:
    cause = unfit(campaign, claims.hosts, here) if reason == NOT_YET else None
    return f"{cause or reason}; {campaign.command} ({campaign.minutes:g} min)"
