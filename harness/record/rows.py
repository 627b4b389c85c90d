"""Rows of what stands beside the results, as they are read: starts, samples, candidates.

Readers ignore what a row holds beyond this.
"""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta, Raw, Struct

from harness.record.typed import LEAST, MOST

Count = Annotated[int, Meta(ge=0, le=2**31)]
Seconds = Annotated[float, Meta(ge=LEAST, le=MOST)]
Number = Annotated[float, Meta(ge=-MOST, le=MOST)]


class StartRow(TypedDict):
    """One line of starts.jsonl: what decides whether the campaign is continued as it began."""

    started: NotRequired[str]
    command: NotRequired[object]
    code: str
    git_commit: str
    versions: dict[str, str]
    nodes: dict[str, str]  # compiler by fingerprint


class SampleRow(TypedDict):
    """One timed stretch of calls; seconds are those of one call."""

    process: Count
    block: Count
    position: Count
    seconds: Seconds
    calls: Count
    flags: NotRequired[list[str]]


class CandidateRow(TypedDict):
    """One schedule that was weighed; seconds, where it was measured."""

    rank: NotRequired[Count]
    schedule: NotRequired[str | None]
    kernel: NotRequired[str | None]
    predicted: NotRequired[Number | None]
    places: NotRequired[dict[str, Count]]
    candidates: NotRequired[Count | None]
    measured: NotRequired[Seconds | None]
    at: NotRequired[Number | None]
    best: NotRequired[Seconds | None]
    retimed: NotRequired[Seconds | None]
    gave_up: NotRequired[bool | None]
    max_error: NotRequired[Number | None]
    stage: NotRequired[str | None]
    reason: NotRequired[str | None]


class TimedRow(TypedDict):
    """Seconds of one call, as a record has them."""

    median: Seconds
    min: Seconds
    ci95: tuple[Seconds, Seconds]
    samples: Count


class AgainRow(TypedDict):
    """One candidate of a search that was timed again in the report tier, and for which roles.

    `share` is the best one's seconds over its own, paired.
    """

    schedule: str
    roles: list[str]  # fastest, drawn, and `first`, `few`, `top` with a ranking's name
    places: NotRequired[dict[str, Count]]
    seconds: TimedRow
    share: Seconds
    ci95: tuple[Seconds, Seconds]
    noise: NotRequired[Number | None]
    samples: NotRequired[list[SampleRow]]


class TrialRows(Struct):
    """What a kept campaign holds of one kind for one trial: its rows, not looked at yet."""

    trial: str
    rows: Raw
