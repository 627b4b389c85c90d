"""Two campaigns, trial by trial: how much faster or slower the second one is, and how surely.

Trials are paired by problem, conditions and contender. A ratio is seconds of the first / seconds
of the second: below 1 the second campaign is slower. Between campaigns no sample is paired, so a
ratio is formed in one of three ways, the first that is possible:

- *through a baseline* that is the same thing in both (name, versions, host): each side's recorded
  speedup over it was measured in paired blocks, and their quotient (intervals.quotient) is free of
  what the machine did to both, between the campaigns. What happened to the baseline itself stands
  in its own row, which is of processes.
- *of processes*: the medians of the measuring processes (intervals.process_quotient). Absolute
  times move by up to 15 % with the pages that a process is given, so this interval is wide. On one
  kind of host, what the contender has in common with the one beside it that moved least is the
  machine's, and taken off: what slows a machine slows all that runs on it.
- *of times*: the recorded intervals of the medians, where there was one process or an older version
  recorded none. They know nothing of other processes, so there is no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

from harness.analysis.environment import Difference, differences, same_hosts
from harness.analysis.intervals import (
    Interval,
    geometric_mean,
    of_speedup,
    process_quotient,
    quotient,
)
from harness.analysis.pairing import (
    Baselines,
    Key,
    baselines_by_unit,
    common_baseline,
    matched,
    problem_label,
    trials_by_key,
    unit_key,
)
from harness.analysis.recorded import Recorded
from harness.measure.noise import judged
from harness.record.result import TrialResult, Verdict

THRESHOLD = 0.03  # a change of less is nobody's concern


@dataclass(frozen=True)
class Compared:
    """A trial in both campaigns; no `ratio` where one of them has no figure."""

    problem: str
    contender: str
    one: TrialResult
    other: TrialResult
    ratio: Interval | None
    verdict: Verdict | None
    basis: str  # a baseline's name, `processes` or `times`; empty without a ratio
    noise: float = 0.0  # share of disturbed samples of the noisiest side
    reason: str | None = None  # why there is no ratio, or its verdict is withheld

    @property
    def rescheduled(self) -> bool:
        """Whether another schedule was chosen, so that another kernel was timed."""
        return self.one.schedule != self.other.schedule


@dataclass(frozen=True)
class ContenderChange:
    """A contender over all problems that both campaigns timed it on."""

    contender: str
    problems: int
    ratio: Interval
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """`pairs` are worst first; `only_one` and `only_other` are trials that the other side lacks."""

    one: Recorded
    other: Recorded
    threshold: float
    differences: tuple[Difference, ...]
    same_hosts: bool
    pairs: tuple[Compared, ...]
    means: tuple[ContenderChange, ...]
    only_one: tuple[TrialResult, ...]
    only_other: tuple[TrialResult, ...]

    @property
    def regressions(self) -> tuple[Compared, ...]:
        return tuple(pair for pair in self.pairs if pair.verdict == "slower")

    @property
    def slower_means(self) -> tuple[ContenderChange, ...]:
        return tuple(mean for mean in self.means if mean.verdict == "slower")

    @property
    def lost(self) -> tuple[Compared, ...]:
        """Trials with a figure in the first campaign and none in the second."""
        return tuple(p for p in self.pairs if p.ratio is None and p.one.seconds is not None)

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(pair.verdict for pair in self.pairs if pair.verdict is not None)

    @property
    def regressed(self) -> bool:
        """Whether any interval lies beyond the threshold, on the slower side."""
        return bool(self.regressions or self.slower_means)


def compared(one: Recorded, other: Recorded, threshold: float = THRESHOLD) -> Comparison:
    """The second campaign against the first."""
    before, after = trials_by_key(one.results), trials_by_key(other.results)
    baselines = baselines_by_unit(one.results), baselines_by_unit(other.results)
    both = [pair for key in before for pair in matched(before[key], after.get(key, []))]
    moved: dict[tuple[Key, Key], dict[str, Interval]] = {}  # of processes, by unit and trial
    for first, second in both:
        times = _of_processes(first, second)
        if times is not None:
            moved.setdefault(_units(first, second), {})[first.trial] = times
    pairs = []
    for first, second in both:
        held = baselines[0].get(unit_key(first), {}), baselines[1].get(unit_key(second), {})
        own = moved.get(_units(first, second), {})
        pairs.append(_pair(first, second, *held, own, threshold))
    paired = {id(trial) for pair in pairs for trial in (pair.one, pair.other)}
    return Comparison(
        one,
        other,
        threshold,
        differences(one, other),
        same_hosts(one, other),
        tuple(sorted(pairs, key=_order)),
        _means(pairs, threshold),
        tuple(trial for trial in one.results if id(trial) not in paired),
        tuple(trial for trial in other.results if id(trial) not in paired),
    )


def beyond(ratio: Interval, threshold: float) -> Verdict:
    """slower or faster where the interval lies beyond the threshold, same where it lies within."""
    if ratio.high < 1 - threshold:
        return "slower"
    if ratio.low > 1 + threshold:
        return "faster"
    inside = ratio.low >= 1 - threshold and ratio.high <= 1 + threshold
    return "same" if inside else "inconclusive"


def beside(own: Interval, others: Iterable[Interval]) -> Interval:
    """A ratio without what it shares with the one of `others` that moved least.

    They share nothing where that one moved the other way, and never more than `own`.
    """
    least = min(others, key=lambda one: abs(log(one.value)), default=None)
    if least is None or log(own.value) * log(least.value) <= 0:
        return own
    share = min(1.0, log(own.value) / log(least.value))
    shared = least.value**share
    scale = shared / least.value
    return quotient(own, Interval(shared, least.low * scale, least.high * scale))


def _units(one: TrialResult, other: TrialResult) -> tuple[Key, Key]:
    return unit_key(one), unit_key(other)


def _of_processes(one: TrialResult, other: TrialResult) -> Interval | None:
    if one.seconds is None or other.seconds is None:
        return None
    medians = [[process.median for process in side.processes] for side in (one, other)]
    return process_quotient(medians[0], medians[1])


def _pair(
    one: TrialResult,
    other: TrialResult,
    before: Baselines,
    after: Baselines,
    moved: Mapping[str, Interval],
    threshold: float,
) -> Compared:
    label, contender = problem_label(one), one.contender
    ratio, basis, noises = _ratio(one, other, before, after, moved)
    if ratio is None:
        told = [
            f"{side.status}: {side.reason or 'no reason recorded'}"
            for side in (one, other)
            if side.seconds is None
        ]
        reason = "; ".join(dict.fromkeys(told))
        return Compared(label, contender, one, other, None, None, "", reason=reason)
    noise = max(noises)
    if basis == "times":
        reason = "of one process, whose time says nothing of another's"
        return Compared(label, contender, one, other, ratio, "inconclusive", basis, noise, reason)
    verdict, withheld = judged(beyond(ratio, threshold), noise)
    return Compared(label, contender, one, other, ratio, verdict, basis, noise, withheld)


def _ratio(
    one: TrialResult,
    other: TrialResult,
    before: Baselines,
    after: Baselines,
    moved: Mapping[str, Interval],
) -> tuple[Interval | None, str, list[float]]:
    """Ratio, basis, and the noises that it stands in.

    `moved` are the ratios of processes of what was measured together, by the first's trial id.
    """
    if one.seconds is None or other.seconds is None:
        return None, "", []
    own = [side.noise or 0.0 for side in (one, other)]
    baseline = common_baseline((one, other), (before, after))
    if baseline is not None:
        found = [side.speedup[baseline] for side in (one, other)]
        ratio = quotient(of_speedup(found[1]), of_speedup(found[0]))
        return ratio, baseline, own + [speedup.noise or 0.0 for speedup in found]
    if one.trial in moved:
        alike = one.host.get("fingerprint") == other.host.get("fingerprint")
        others = [times for trial, times in moved.items() if trial != one.trial] if alike else []
        return beside(moved[one.trial], others), "processes", own
    times = [Interval(s.median, *s.ci95) for s in (one.seconds, other.seconds)]
    return quotient(times[0], times[1]), "times", own


def _means(pairs: Iterable[Compared], threshold: float) -> tuple[ContenderChange, ...]:
    """Of contenders with several problems; a single problem's change stands in its own row."""
    by_contender: dict[str, list[tuple[Interval, float]]] = {}
    for pair in pairs:
        if pair.ratio is not None and pair.basis != "times":
            by_contender.setdefault(pair.contender, []).append((pair.ratio, pair.noise))
    found = []
    for contender, own in by_contender.items():
        if len(own) > 1:
            ratios, noises = zip(*own, strict=True)
            whole = geometric_mean(ratios)
            verdict, _ = judged(beyond(whole, threshold), sum(noises) / len(noises))
            found.append(ContenderChange(contender, len(own), whole, verdict))
    return tuple(found)


def _order(pair: Compared) -> tuple[bool, float]:
    """What has no figure first, then by the ratio, the worst first."""
    return pair.ratio is not None, pair.ratio.value if pair.ratio is not None else 0.0
