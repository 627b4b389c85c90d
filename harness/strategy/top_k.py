"""The k best schedules of a ranking, all compiled and timed; the fastest is the answer."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.pipeline import searched
from harness.bounds import one_of, within
from harness.strategy.rankings import known_microkernels, known_rankings, known_spaces
from harness.strategy.strategy import Chosen, Rankings, Strategy, out_of

MOST = 100_000  # candidates that a strategy may be asked to measure


@dataclass(frozen=True)
class TopKOptions:
    ranker: str = one_of("roofline", known_rankings)
    k: int = within(8, 1, MOST)
    # At most so many with one register tile, so that several are tried; 0 sets no limit.
    per_tile: int = within(4, 0, MOST)
    space: str = one_of("full", known_spaces)
    fuse: bool = True
    microkernel: str = one_of("generated", known_microkernels)


def _choose(options: TopKOptions, rankings: Rankings) -> Chosen:
    ranked, seconds = rankings.ranked(
        options.ranker, options.space, options.fuse, microkernel=options.microkernel
    )
    primitive, machine = rankings.primitive, rankings.architecture
    best = searched(primitive, ranked, machine, options.k, options.per_tile)
    return out_of(ranked, best, seconds)


TOP_K = Strategy(TopKOptions, _choose, searches=True)
