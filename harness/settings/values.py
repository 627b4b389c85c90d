"""The configuration as frozen values: what the rest of the harness reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.choices import ArchitectureChoice, CampaignChoice, ClusterChoice, Options
from harness.measure.budget import MeasureSettings


@dataclass(frozen=True)
class ProblemChoice:
    """A primitive's mapping with its sizes final.

    `workload` is where it came from, if anywhere, and `count` how often it occurs there.
    """

    name: str
    spec: Options
    workload: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Method:
    """A strategy or baseline: its name in conf/, its label in records, its own options."""

    name: str
    label: str
    options: Options


@dataclass(frozen=True)
class TrackingChoice:
    kind: Literal["mlflow", "journal"]
    uri: str | None
    experiment: str


@dataclass(frozen=True)
class Settings:
    """One composed configuration; a sweep gives several."""

    problems: tuple[ProblemChoice, ...]
    architecture: ArchitectureChoice
    strategies: tuple[Method, ...]
    baselines: tuple[Method, ...]
    measure: MeasureSettings
    threads: int
    seed: int
    numerics: tuple[str, ...]  # what may change rounding beyond the order of a sum
    cluster: ClusterChoice
    tracking: TrackingChoice
    campaign: CampaignChoice
    claims: bool  # a page of claims at the end
    schedule: Any  # None, a schedule's one-line text, or {order: [...], tiles: {...}}
    format: Literal["text", "json", "html", "c"]
    out: str | None
    cache_folder: Path  # compiled kernels and measured ceilings, shared by all campaigns
    resolved: Options  # the whole configuration as plain data, for campaign.yaml
