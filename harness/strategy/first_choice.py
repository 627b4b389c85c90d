"""The first choice of a ranking, without running any: `roofline`, and the paper's three.

Each is called after its ranking; so is a strategy of every ranking that a package adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.bounds import one_of
from harness.strategy.rankings import known_microkernels, known_spaces
from harness.strategy.strategy import Chosen, Rankings, Strategy, out_of


@dataclass(frozen=True)
class FirstChoiceOptions:
    space: str = one_of("full", known_spaces)  # or the loop orders and tilings of the PolyDL paper
    fuse: bool = True  # statements on register tiles and in levels of others, where that pays
    attach: bool = True  # with `fuse`, bands inside levels of others; else one after another
    private: bool = True  # reductions shared by threads, a copy of the sum for each
    # Or `libxsmm`, `cblas`: its matrix product as the innermost loops, with nothing on its tile.
    microkernel: str = one_of("generated", known_microkernels)


def first_choice(ranking: str) -> Strategy[FirstChoiceOptions]:
    """The strategy that takes what is first in the ranking of this name."""

    def choose(options: FirstChoiceOptions, rankings: Rankings) -> Chosen:
        ranked, seconds = rankings.ranked(
            ranking,
            options.space,
            options.fuse,
            microkernel=options.microkernel,
            attach=options.attach,
            private=options.private,
        )
        return out_of(ranked, ranked[:1], seconds)

    return Strategy(FirstChoiceOptions, choose)


ROOFLINE = first_choice("roofline")  # this project's own model
POLYDL = first_choice("polydl")  # PolyRank: the least latency of all working sets
POLYDL_TREE = first_choice("polydl_tree")  # pairwise rules on the bytes in each level
POLYDL_TOURNAMENT = first_choice("polydl_tournament")  # a network on the same, of pairs
