"""How much of a measurement was disturbed by others, and what may still be concluded from it.

A sample is *disturbed* when others had its core for a part of it, or it was moved: its flags hold
the evidence. Page faults are flagged too, but they are the contender's own (a library that
allocates while it runs), alike in every sample of it, and so no noise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.record.result import Verdict

DISTURBANCES = frozenset(("processor changed", "steal", "switched out"))  # flags of samples
MARKED = 0.10  # share of disturbed samples above which a figure is marked
# Share above which nothing is called faster or slower: of 8,000 replayed pairs of equal kernels
# 0.2 % had a false verdict up to it and 2.7 % above (experiments/a_a, which measures it as well).
UNDECIDED = 0.20


def noise_of(flags: Iterable[Collection[str]]) -> float:
    """Share of disturbed samples, of the flags of each; 0 of none."""
    marks = [not DISTURBANCES.isdisjoint(one) for one in flags]
    return sum(marks) / len(marks) if marks else 0.0


def judged(verdict: Verdict, noise: float) -> tuple[Verdict, str | None]:
    """The verdict that stands in this noise; where it does not, `inconclusive` and the reason.

    `noise` is that of the noisier side. A tie stands: noise widens an interval, it does not make
    one lie inside 2 %.
    """
    if verdict not in ("faster", "slower") or noise <= UNDECIDED:
        return verdict, None
    reason = f"{verdict} by its interval, but {noise:.0%} of the samples of one side were disturbed"
    return "inconclusive", f"{reason}, more than {UNDECIDED:.0%}"


def word_for(noise: float) -> str:
    """quiet, some or loud: nothing to mind, marked, no verdict."""
    if noise <= MARKED:
        return "quiet"
    return "some" if noise <= UNDECIDED else "loud"
