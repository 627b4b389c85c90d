"""The document behind a review page: frozen values that serialise as they stand.

Seconds are of one call, rates are nominal GFLOP/s and GB/s, a ratio is baseline seconds /
contender seconds. None or an empty value says that the campaign does not hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True)
class Ratio:
    """Against one baseline; `cause` says in words why it loses, empty where it does not."""

    ratio: float
    ci95: Pair
    verdict: str
    noise: float | None = None
    withheld: str | None = None
    cause: str = ""


@dataclass(frozen=True)
class Mean:
    """One contender against one baseline over all problems; `ci95` where samples allow it."""

    contender: str
    baseline: str
    ratio: float
    ci95: Pair | None
    verdict: str | None
    verdicts: Mapping[str, int]


@dataclass(frozen=True)
class Problem:
    """`bytes` are those of all its tensors, each counted once."""

    label: str
    network: str
    primitive: str
    sizes: str
    flops: float | None
    bytes: int | None


@dataclass(frozen=True)
class Ceilings:
    """Of a node: GFLOP/s of a core, and GB/s that one core reads from each level."""

    name: str
    peak: float | None
    levels: Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """One row of the table; `problem` and `host` are places in the review's lists."""

    trial: str
    problem: int
    host: int
    contender: str
    kind: str
    status: str
    stage: str | None
    reason: str | None
    threads: int
    cache: str
    gflops: float | None
    gflops_ci95: Pair | None
    share: float | None
    of_roofline: float | None  # least seconds of any kernel / measured seconds
    roofline_bound: str | None
    seconds: float | None
    ratios: Mapping[str, Ratio]
    predicted: float | None
    model: float | None  # predicted / measured seconds
    bound: str | None
    moved: Mapping[str, float]  # bytes out of each level, by the estimate
    noise: float | None
    flagged: Mapping[str, float]  # share of samples by flag
    drift: Pair | None  # least and greatest of the search's sentinel
    error: float | None
    tolerance: float | None
    tuning: float | None  # None where nothing was searched
    tuner: str | None
    node: str
    slot: str
    started: str
    ended: str
    quality: str
    kernel: str | None


@dataclass(frozen=True)
class Attempt:
    """A line of the journal; the last of a trial counts."""

    attempt: int
    status: str
    reason: str
    gflops: float | None
    node: str
    started: str


@dataclass(frozen=True)
class Detail:
    """What a trial's drill-down tells besides its row."""

    facts: tuple[tuple[str, str], ...]
    schedule: str | None
    loops: tuple[str, ...]
    working_sets: Mapping[str, int]  # bytes that each level holds
    parts: Mapping[str, float]  # seconds of the estimate, which overlap
    layouts: Mapping[str, str]
    attempts: tuple[Attempt, ...]
    commands: tuple[tuple[str, str], ...]
    lacks: str


@dataclass(frozen=True)
class Samples:
    """Raw samples in the order of time, as columns; `first` of each process.

    `thinned` of so many where all would be more than a chart shows. `ratios` are by baseline, one
    of each block.
    """

    seconds: tuple[float, ...]
    process: tuple[int, ...]
    flags: tuple[str, ...]
    ratios: Mapping[str, tuple[float, ...]]
    total: int


@dataclass(frozen=True)
class Search:
    """What a search tried, as columns, in the order of the ranking; and the best so far.

    `best` are (trials, seconds since it began, least seconds of a call), steps alone.
    """

    predicted: tuple[float, ...]
    measured: tuple[float, ...]
    chosen: int | None
    best: tuple[tuple[int, float, float], ...]
    total: int


@dataclass(frozen=True)
class Quality:
    """A ranking's row: value and interval of each figure."""

    label: str
    ranking: str
    count: int
    first: tuple[float, float | None, float | None]
    best_of_few: tuple[float, float | None, float | None] | None
    tau: tuple[float, float | None, float | None] | None
    rho: tuple[float, float | None, float | None] | None
    again: tuple[tuple[float, float | None, float | None] | None, ...]  # first, few, top


@dataclass(frozen=True)
class Loss:
    """The problem that loses most, and why."""

    trial: str
    problem: str
    contender: str
    baseline: str
    ratio: Ratio
    bound: str
    model: str
    noise: str


@dataclass(frozen=True)
class Trust:
    """Whether the numbers can be believed; `noise` is the share of samples that were disturbed."""

    samples: int
    noise: float | None
    noisy: int  # trials with more noise than is left unmarked
    withheld: int  # verdicts
    verified: int
    timed: int
    shared: int  # trials on shared cores


@dataclass(frozen=True)
class Review:
    """One campaign. `statuses` count trials, `facts` are the conditions that they share."""

    campaign: str
    facts: tuple[tuple[str, str], ...]
    statuses: Mapping[str, int]
    baselines: tuple[str, ...]
    means: tuple[Mean, ...]
    loss: Loss | None
    trust: Trust
    gaps: tuple[str, ...]
    lacks: tuple[str, ...]
    hosts: tuple[Ceilings, ...]
    problems: tuple[Problem, ...]
    trials: tuple[Trial, ...]
    quality: tuple[Quality, ...]
    few: int
    details: Mapping[str, Detail]
    samples: Mapping[str, Samples]
    searches: Mapping[str, Search]
    kernels: Mapping[str, str]
