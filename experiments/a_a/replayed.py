"""False verdicts of pairs on a simulated core, by share of disturbed samples (see README.md).

python experiments/a_a/replayed.py [PAIRS]

A neighbour comes and goes; while it is there it has half of the core. All else is the report tier's
own: its plan, its stop rule, its statistics. Takes a millisecond a pair, and no machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
from rich.table import Table

from experiments.a_a.pairs import BINS, BURSTS, GAPS, derived_threshold, in_bins
from harness.failure import Failure
from harness.measure.budget import QUICK
from harness.measure.protocol import Running, report_tier
from harness.measure.sample import Timed
from harness.measure.statistics import block_ratios, noise, speedup, table
from harness.report.terminal import terminal

BUDGET = 1.5  # seconds of the simulated clock
PROCESS, SAMPLE = 0.005, 0.002  # standard deviations of speed: of a process, of a sample
NOTICED = 1e-4  # seconds beside a neighbour that leave a mark in a sample


@dataclass
class Core:
    """Its clock, and whether a neighbour is on it until when."""

    dice: np.random.Generator
    burst: float
    gap: float
    now: float = 0.0
    busy: bool = False
    until: float = 0.0

    def work(self, seconds: float) -> tuple[float, bool]:
        """Wall time of so much work, and whether the neighbour was noticed."""
        start, noticed = self.now, False
        while seconds > 0:
            if self.now >= self.until:
                self.busy = not self.busy
                self.until = self.now + self.dice.exponential(self.burst if self.busy else self.gap)
            rate = 0.5 if self.busy else 1.0
            span = min(seconds / rate, self.until - self.now)
            noticed |= self.busy and span > NOTICED
            self.now += span
            seconds = 0.0 if span == seconds / rate else seconds - span * rate
        return self.now - start, noticed


@dataclass
class Simulated:
    """One process of a kernel whose calls take a millisecond, more or less."""

    core: Core
    slowness: float

    def burst(self) -> tuple[Timed, ...] | Failure:
        self.core.work(QUICK.settle_seconds)
        timed = []
        for _ in range(QUICK.samples_per_burst):
            slower = self.slowness * (1 + SAMPLE * self.core.dice.standard_normal())
            seconds, noticed = self.core.work(QUICK.sample_seconds * slower)
            timed.append(Timed(seconds / 10, 10, ("switched out",) if noticed else ()))
        return tuple(timed)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self) -> None: ...


def pair(seed: int) -> tuple[float, bool]:
    """(share of disturbed samples of the noisier side, whether a verdict came out)."""
    dice = np.random.default_rng(seed)
    burst, gap = (exp(dice.uniform(log(a), log(b))) for a, b in (BURSTS, GAPS))
    core = Core(dice, burst, gap)

    def start(names: Sequence[str], process: int) -> Mapping[str, Running | Failure]:
        return {name: Simulated(core, 1 + PROCESS * dice.standard_normal()) for name in names}

    settings = replace(QUICK, budget_seconds=BUDGET)
    run = report_tier("ab", [("a", "b")], start, settings, seed, clock=lambda: core.now)
    ratios = block_ratios(table(run.samples, "b"), table(run.samples, "a"))
    found = speedup(ratios, seed=seed)
    return noise(run.samples, "a", "b"), found.verdict in ("faster", "slower")


def main(arguments: Sequence[str]) -> int:
    pairs = [pair(seed) for seed in range(int(arguments[0]) if arguments else 8000)]
    shown = Table("noise", "pairs", "false")
    for (low, high), own in in_bins(pairs).items():
        shown.add_row(f"{low:.0%} to {high:.0%}", str(len(own)), str(sum(own)))
    console = terminal()
    console.print(shown)
    found = derived_threshold(pairs)
    console.print(f"threshold by these pairs: {BINS[0] if found is None else found:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
