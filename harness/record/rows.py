"""Rows of what stands beside the results, as they are read: starts, samples, candidates.

Readers ignore what a row holds beyond this.
"""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

MOST = 2**31  # of any count
Count = Annotated[int, Meta(ge=0, le=MOST)]
Positive = Annotated[float, Meta(gt=0)]


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
    seconds: Positive
    calls: Count
    flags: NotRequired[list[str]]


class CandidateRow(TypedDict):
    """One schedule that was weighed; seconds, where it was measured."""

    rank: NotRequired[Count]
    schedule: NotRequired[str | None]
    kernel: NotRequired[str | None]
    predicted: NotRequired[float | None]
    places: NotRequired[dict[str, Count]]
    candidates: NotRequired[Count | None]
    measured: NotRequired[Positive | None]
    at: NotRequired[float | None]
    best: NotRequired[Positive | None]
    retimed: NotRequired[Positive | None]
    gave_up: NotRequired[bool | None]
    max_error: NotRequired[float | None]
    stage: NotRequired[str | None]
    reason: NotRequired[str | None]
