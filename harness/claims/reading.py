"""The records that each claim is held against: kept ones, this machine's own, or one campaign's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.claims.claim import Claim, Claims
from harness.claims.records import NOT_YET, Records, Unanswered
from harness.claims.verdict import Here, Judged, judged
from harness.errors import RecordError, SettingsError
from harness.nearest import listed
from harness.record.journal import RUNS, CampaignFolder

OWN = "claims-"  # before a campaign's name: where this machine measures it, under ./runs


@dataclass
class Reader:
    """Reads each campaign once. `own` prefers what this machine has measured to what is kept."""

    claims: Claims
    here: Here
    own: bool = False
    _known: dict[str, Records | str] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)  # why a campaign could not be measured

    def judged(self, claim: Claim) -> Judged:
        """With its own campaign's records."""
        records: Records | str = "no campaign"
        if claim.campaign is not None:
            records = self.records(claim.campaign)
        return judged(claim, self.claims, records, self.here)

    def records(self, campaign: str) -> Records | str:
        """Of a campaign by its name in the claims file, or why there are none."""
        if campaign not in self._known:
            self._known[campaign] = self._read(campaign)
        return self._known[campaign]

    def due(self, campaign: str) -> bool:
        """Whether it has no records, or this machine has begun and not ended it."""
        records, own = self.records(campaign), CampaignFolder(own_path(campaign))
        if isinstance(records, str):
            return True
        return records.folder.path == own.path and not own.report.is_file()

    def forget(self, campaign: str, refused: str | None = None) -> None:
        """It has been measured since, or why it could not be."""
        self._known.pop(campaign, None)
        if refused is not None:
            self._refused[campaign] = refused

    def _read(self, campaign: str) -> Records | str:
        kept, own = self.claims.folder / self.claims.campaigns[campaign].records, own_path(campaign)
        reason = NOT_YET
        for path in (own,) if self.own else (kept, own):
            try:
                return Records.of(path)
            except (Unanswered, RecordError) as fault:
                reason = str(fault)
        return self._refused.get(campaign, reason)


def own_path(campaign: str) -> Path:
    """Where this machine measures a campaign of the claims file."""
    return RUNS / f"{OWN}{campaign}"


def held_against(path: Path, claims: Claims, chosen: Iterable[Claim], here: Here) -> list[Judged]:
    """Claims held against one campaign, of whichever of their problems it has."""
    try:
        records: Records | str = Records.of(path)
    except Unanswered as reason:
        records = str(reason)
    return [judged(claim, claims, records, here, part=True) for claim in chosen]


def selected(claims: Claims, patterns: Iterable[str]) -> list[Claim]:
    """By name, by campaign, or by a pattern of either; all without one. Raises SettingsError."""
    wanted = list(patterns)
    if not wanted:
        return list(claims.claims.values())
    found: dict[str, Claim] = {}
    for pattern in wanted:
        own = {n: c for n, c in claims.claims.items() if _is_meant(pattern)(n, c.campaign or "")}
        if not own:
            known = (*claims.campaigns, *claims.claims)
            raise SettingsError(f"no claim '{pattern}'; {listed(pattern, known)}")
        found |= own
    return list(found.values())


def _is_meant(pattern: str) -> Callable[[str, str], bool]:
    return lambda name, campaign: any(fnmatchcase(n, pattern) for n in (name, campaign) if n)
