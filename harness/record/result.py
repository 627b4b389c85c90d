"""One line of a campaign's journal, schema 1: a problem, a contender, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SCHEMA = 1

# Flags that readers look for; the others are evidence in words.
COMPILED_EARLIER = "compile cached"
NOT_VECTORISED = "not vectorised"  # no schedule of the strategy's space is
ONLY_CANDIDATE = "only candidate"  # there was nothing to choose from

# What candidates of a survey are timed a second time for, beside a ranking's name.
FASTEST, DRAWN = "fastest", "drawn"
FIRST_CHOICE, BEST_OF_FEW, BEST_OF_TOP = "first", "few", "top"
FEW_AGAIN = 5  # of a ranking and of the draw, whose best is `few`
TOP_SHARE = 0.05  # of what was measured, whose best is `top`

Status = Literal["ok", "failed", "skipped", "unsupported"]
Stage = Literal["plan", "compile", "verify", "measure"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of one call: median and minimum over all samples, 95 % interval of the median."""

    median: float
    min: float
    ci95: tuple[float, float]
    samples: int


@dataclass(frozen=True, slots=True)
class Speedup:
    """baseline seconds / contender seconds: above 1 the contender is faster.

    `noise` is the noisier side's share of disturbed samples, None where it was not recorded;
    `reason` says why a verdict is withheld.
    """

    ratio: float
    ci95: tuple[float, float]
    verdict: Verdict
    noise: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TuningSeconds:
    """What finding the schedule cost, in seconds of wall time."""

    analyse: float = 0.0
    compile: float = 0.0
    measure: float = 0.0

    @property
    def total(self) -> float:
        return self.analyse + self.compile + self.measure


@dataclass(frozen=True, slots=True)
class Verification:
    """What a contender was held to before it was timed.

    `rounds` counts them by kind: float, exact, negated, planted, far. `decided` is the share of
    accumulators that decided an output in an exact round, None without accumulators or such rounds;
    `inexact` says why not every output was compared with ==; `repeatable`, with several threads,
    whether a second run gave the same bits.
    """

    rounds: Mapping[str, int]
    decided: float | None = None
    inexact: str | None = None
    repeatable: bool | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the roofline expects of the schedule that was timed, whoever chose it.

    `parts` are seconds (compute, overhead, packing, L2, L3, memory), which overlap; `bytes` are
    moved out of each level in one call; `bound` names the part that takes longest.
    """

    seconds: float
    bound: str
    parts: Mapping[str, float]
    bytes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RooflineFacts:
    """What no kernel of the problem passes on the cores used, by their measured ceilings.

    `operations` are of vectors, in elements, at the peak; `bytes`, which any kernel has to move, at
    the `bandwidth` (GB/s) of the `level` that holds them. `bound` names what takes longer: compute,
    or the level.
    """

    seconds: float
    bound: str
    operations: float
    bytes: float
    level: str
    bandwidth: float | None = None  # not recorded by older versions


@dataclass(frozen=True, slots=True)
class ProcessNoise:
    """One measuring process of a contender: its median seconds, and the samples with a flag."""

    median: float
    samples: int
    flagged: int


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Names and meanings are those of docs/reference/records.md; readers ignore unknown fields."""

    campaign: str
    trial: str
    problem: Mapping[str, object]  # primitive, name, sizes, flops
    contender: str
    kind: Literal["strategy", "baseline"]
    architecture: str
    threads: int
    status: Status
    stage: Stage | None = None
    reason: str | None = None
    attempt: int = 1
    dtype: str = "f32"
    gflops: float | None = None
    roofline: RooflineFacts | None = None  # of the problem, the same for all its contenders
    of_roofline: float | None = None  # its seconds / measured seconds
    seconds: Seconds | None = None
    tier: str = "report"
    cache: Literal["hot", "cold"] = "hot"
    speedup: Mapping[str, Speedup] = field(default_factory=dict)  # by baseline
    tuning_seconds: TuningSeconds = field(default_factory=TuningSeconds)
    predicted_seconds: float | None = None
    predicted_ratio: float | None = None  # predicted / measured seconds
    estimate: Estimate | None = None
    rank: int | None = None  # of the schedule in the strategy's ranking, 1 the first choice
    ranked: int | None = None  # schedules in that ranking
    drift: tuple[float, ...] = ()  # of a search: seconds of its sentinel / the first ones
    processes: tuple[ProcessNoise, ...] = ()
    max_error: float | None = None
    tolerance: float | None = None
    verified: Verification | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)
    schedule: str | None = None
    numerics: tuple[str, ...] = ()  # what the schedule changes of rounding
    kernel: str | None = None
    node: str = ""
    cores: tuple[int, ...] = ()
    started: str = ""
    ended: str = ""
    seed: int = 0
    stop: str | None = None
    quality: Literal["exclusive", "shared"] = "exclusive"
    flags: tuple[str, ...] = ()
    noise: float | None = None  # share of samples that others disturbed
    versions: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, object] = field(default_factory=dict)
    schema: int = SCHEMA
