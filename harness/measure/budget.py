"""How long and how carefully a unit is measured: the numbers of both tiers, and two presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.errors import shown
from harness.bounds import DAY, check_values, positive, within
from harness.errors import SettingsError


@dataclass(frozen=True)
class MeasureSettings:
    """Report tier first, then the search tier, then limits. All times are in seconds.

    The report tier stops after a block, never before `processes` x `min_blocks`, once every ratio's
    95 % interval is within +- `half_width` of the ratio or `budget_seconds` are spent.
    """

    name: str = "quick"
    cache: Literal["hot", "cold"] = "hot"

    budget_seconds: float = positive(5.0, DAY)  # of the report tier of one unit
    processes: int = within(3, 1, 1000)  # children a contender starts with
    max_processes: int = within(6, 1, 1000)
    min_blocks: int = within(5, 1, 10_000)  # in each process: a permutation and its mirror each
    half_width: float = positive(0.01, 1)
    samples_per_burst: int = within(2, 1, 1000)
    sample_seconds: float = positive(0.010, 60)
    # Untimed calls at the start of a burst: for so long at least, and so many at least, unless
    # they take four times as long.
    settle_seconds: float = positive(0.005, 60)
    settle_calls: int = within(3, 1, 10**6)
    # In the cold mode, samples of one call for each contender, at least.
    cold_samples: int = within(30, 1, 10**6)

    # A candidate's samples; up to the larger number while the best two disagree.
    search_sample_seconds: float = positive(0.005, 60)
    search_samples: int = within(5, 1, 10_000)
    search_max_samples: int = within(10, 1, 10_000)
    # Warm calls at most, until two agree within so much.
    search_warm_calls: int = within(10, 1, 10**6)
    search_agreement: float = positive(0.05, 10)
    # One run so many times slower than the best ends a candidate.
    search_give_up: float = positive(3.0, 10**6)
    # Through all candidates, each the mirror of the one before.
    search_passes: int = within(1, 1, 1000)
    sentinel_every: int = within(20, 1, 10**6)  # candidates between two timings of the sentinel
    search_long_seconds: float = positive(0.05, DAY)  # a call so long is timed by two calls
    # Candidates in the final, the first choice besides; seconds of all their samples, about.
    search_finalists: int = within(5, 1, 10_000)
    search_final_seconds: float = positive(0.5, DAY)

    tolerance_factor: float = positive(4.0, 16)  # of harness.kernel.verify's bound
    compile_seconds: float = positive(60.0, DAY)  # wall-clock limit of one compilation
    time_limit: float = positive(60.0, DAY)  # ... and of one request to a measuring child
    refuse_noise: float = within(1.0, 0, 1)  # above which a campaign ends with status 1, for CI

    def __post_init__(self) -> None:
        check_values("measure", type(self), vars(self))
        if self.max_processes < self.processes:
            raise SettingsError(
                f"measure.max_processes must be >= measure.processes ({self.processes}), "
                f"got {self.max_processes}"
            )
        if self.cache not in ("hot", "cold"):
            raise SettingsError(f"measure.cache must be hot or cold, got {shown(self.cache)}")

    @property
    def deciding(self) -> dict[str, object]:
        """What a trial's figures depend on: all but how they are judged."""
        return {key: value for key, value in vars(self).items() if key != "refuse_noise"}


QUICK = MeasureSettings()
CAREFUL = MeasureSettings(name="careful", budget_seconds=30.0, search_samples=10)
PRESETS = {"quick": QUICK, "careful": CAREFUL}
