"""How long and how carefully a unit is measured: the numbers of both tiers, and two presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import SettingsError


@dataclass(frozen=True)
class MeasureSettings:
    """Report tier first, then the search tier, then limits. All times are in seconds.

    The report tier stops after a block, never before `processes` x `min_blocks`, once every ratio's
    95 % interval is within +- `half_width` of the ratio or `budget_seconds` are spent.
    """

    name: str = "quick"
    cache: Literal["hot", "cold"] = "hot"
    budget_seconds: float = 5.0  # of the report tier of one unit
    processes: int = 3  # children a contender starts with
    max_processes: int = 6
    min_blocks: int = 5  # in each process; a block is a permutation and its mirror
    half_width: float = 0.01
    samples_per_burst: int = 2
    sample_seconds: float = 0.010
    settle_seconds: float = 0.005  # untimed calls at the start of a burst, at least
    settle_calls: int = 3  # ... and at least so many, unless they take four times settle_seconds
    cold_samples: int = 30  # in the cold mode, samples of one call for each contender, at least
    search_sample_seconds: float = 0.005
    search_samples: int = 5  # a candidate's samples; up to `search_max_samples` when they disagree
    search_max_samples: int = 10
    search_warm_calls: int = 10  # at most, until two agree within `search_agreement`
    search_agreement: float = 0.05
    search_give_up: float = 3.0  # one run so many times slower than the best ends a candidate
    search_passes: int = 1  # through all candidates, each the mirror of the one before
    sentinel_every: int = 20  # candidates between two timings of the sentinel
    search_finalists: int = 5  # candidates timed again at the end
    tolerance_factor: float = 4.0  # of the verification's bound, see harness.kernel.verify
    compile_seconds: float = 60.0  # wall-clock limit of one compilation
    time_limit: float = 60.0  # wall-clock limit of one request to a measuring child

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and value <= 0:
                raise SettingsError(f"measure.{name} must be > 0, got {value}")
        if self.max_processes < self.processes:
            raise SettingsError(
                f"measure.max_processes must be >= measure.processes ({self.processes}), "
                f"got {self.max_processes}"
            )
        if self.cache not in ("hot", "cold"):
            raise SettingsError(f"measure.cache must be hot or cold, got {self.cache!r}")


QUICK = MeasureSettings()
CAREFUL = MeasureSettings(name="careful", budget_seconds=30.0, search_samples=10)
PRESETS = {"quick": QUICK, "careful": CAREFUL}
