"""How well rankings order what was measured: share of the best, Kendall's tau, Spearman's rho.

The *share of the best* of a choice is its speed as a part of the fastest measured candidate's:
best seconds / chosen seconds, 1 is perfect, 1 - share is the regret. Equals (candidates that share
a place) count at their worst: the slowest of them is taken first, for the first choice and for the
best of eight alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb, isfinite, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.analysis.again import AgainShares, again_shares, drawn_shares
from harness.analysis.figure import Figure
from harness.analysis.groups import conditions_of, grouped, problem_groups
from harness.record.journal import CampaignFolder
from harness.record.result import DRAWN, TrialResult

Rows = Sequence[Mapping[str, Any]]
Vector = npt.NDArray[np.float64]

RANDOM = "random pick"
MEDIAN = "median"
CHANCES = (RANDOM, MEDIAN)
FEW = 8  # candidates that a user would time after all, as top_k does
DRAWS = 1000
MOST_RESAMPLED = 4096
NORMAL = 1.959964  # standard deviations that hold 95 %
SEED = 0


@dataclass(frozen=True, slots=True)
class RankQuality:
    """One ranking on one problem, or its mean over the problems of a network.

    Shares of a network are geometric means, correlations arithmetic ones. None where a figure is
    not defined: a random pick orders nothing, nor do equal places.
    """

    label: str  # the problem or the network, and what tells it from others of this name
    ranking: str
    count: int  # candidates measured; problems of a network
    first: Figure  # share of the best that the first choice reaches
    best_of_few: Figure | None  # the same for the best of the first FEW
    tau: Figure | None = None  # Kendall's tau-b between place and seconds
    rho: Figure | None = None  # Spearman's rank correlation between place and seconds
    again: AgainShares | None = None  # of those that were timed a second time


@dataclass(frozen=True)
class CampaignQuality:
    """By problem and by network, each in order of first appearance.

    Each ends with what no model at all would reach: a random pick (its expected shares) and the
    candidate in the middle, both among those measured.
    """

    problems: tuple[RankQuality, ...] = ()
    networks: tuple[RankQuality, ...] = ()


def campaign_quality(folder: CampaignFolder, results: Iterable[TrialResult]) -> CampaignQuality:
    """Of the candidates that strategies measured; empty where none measured several."""
    strategies = [result for result in results if result.kind == "strategy"]
    return rank_quality(strategies, folder.candidates, folder.again)


def _never(trial: str) -> Rows:
    return ()


def rank_quality(
    results: Iterable[TrialResult],
    candidates: Callable[[str], Rows],
    again: Callable[[str], Rows] = _never,
) -> CampaignQuality:
    """Of every ranking in the candidates' rows, which are asked for by trial id, as those rows are
    that were timed again.

    Rows with `places` judge each ranking named there, by its place in the whole space; rows
    without are in the strategy's own order. Rows that were not measured do not count, and fewer
    than two measured ones are no ranking. No more than one problem's rows are held at a time.
    """
    results = list(results)
    by_trial: dict[str, list[RankQuality]] = {}
    judged: set[str] = set()
    for label, trials in problem_groups(results):
        every = [(trial, _measured(candidates(trial.trial))) for trial in trials]
        measured = [(trial, rows) for trial, rows in every if len(rows) > 1]
        if measured:
            judged.update(trial.trial for trial, _ in measured)
            found = _problem_quality(
                label, [(t.contender, rows, again(t.trial)) for t, rows in measured]
            )
            by_trial[measured[0][0].trial] = found
    ranked = [r for r in results if r.trial in judged]
    for label, trials in problem_groups(ranked):  # told from each other, not from all there are
        of_problem = by_trial[trials[0].trial]
        by_trial[trials[0].trial] = [replace(one, label=label) for one in of_problem]
    problems: list[RankQuality] = []
    networks: list[RankQuality] = []
    for network, members in grouped(ranked, lambda r: {"name": _network(r)} | conditions_of(r)):
        own = [q for result in members for q in by_trial.get(result.trial, ())]
        problems += own
        rankings = dict.fromkeys(q.ranking for q in own)
        for ranking in sorted(rankings, key=lambda name: name in CHANCES):
            networks.append(_mean(network, [q for q in own if q.ranking == ranking]))
    return CampaignQuality(tuple(problems), tuple(networks))


def _problem_quality(label: str, trials: Sequence[tuple[str, Rows, Rows]]) -> list[RankQuality]:
    """All rankings of one problem; the chances are those of the trial that measured most.

    A trial is its contender, the rows it measured, and those it timed again.
    """
    found: dict[str, RankQuality] = {}
    most, drawn = np.empty(0), None
    for contender, rows, again in trials:
        seconds = np.array([float(row["measured"]) for row in rows])
        if len(seconds) > len(most):
            most, drawn = seconds, drawn_shares(again)
        for ranking, places in _places(contender, rows).items():
            name = f"{contender} {ranking}" if ranking in found else ranking
            one = quality(label, name, places, seconds)
            found[name] = replace(one, again=again_shares(again, ranking))
    pick, middle = chances(label, most)
    return [*found.values(), replace(pick, again=drawn), middle]


def quality(label: str, ranking: str, places: Vector, seconds: Vector) -> RankQuality:
    """Of places (1 best, equals allowed) against measured seconds, candidate by candidate."""
    speed = seconds.min() / seconds
    worst_first = np.lexsort((speed, places))
    return RankQuality(
        label,
        ranking,
        len(seconds),
        Figure(float(speed[worst_first[0]])),
        Figure(float(speed[worst_first[:FEW]].max())),
        kendall(places, seconds),
        spearman(places, seconds),
    )


def chances(label: str, seconds: Vector) -> tuple[RankQuality, RankQuality]:
    """A random pick's expected shares, and the median candidate's."""
    speed = np.sort(seconds.min() / seconds)
    count, few = len(speed), min(FEW, len(speed))
    # the i-th slowest is the best of `few` in comb(i - 1, few - 1) of comb(count, few) draws
    likely = np.array([comb(i, few - 1) / comb(count, few) for i in range(count)])
    middle = Figure(float(seconds.min() / np.median(seconds)))
    return (
        RankQuality(
            label, RANDOM, count, Figure(float(speed.mean())), Figure(float(likely @ speed))
        ),
        RankQuality(label, MEDIAN, count, middle, None),
    )


def kendall(places: Vector, seconds: Vector) -> Figure | None:
    """Kendall's tau-b, its interval from resampled candidates; None where all are equal."""
    if not _varied(places, seconds):
        return None
    drawn = tau_draws(places, seconds, resamples(len(places)))
    return Figure(float(tau_draws(places, seconds, _each_once(places))[0]), interval(drawn))


def spearman(places: Vector, seconds: Vector) -> Figure | None:
    """Spearman's rho, its interval from resampled candidates; None where all are equal."""
    if not _varied(places, seconds):
        return None
    drawn = rho_draws(places, seconds, resamples(len(places)))
    return Figure(float(rho_draws(places, seconds, _each_once(places))[0]), interval(drawn))


def _each_once(places: Vector) -> Vector:
    return np.ones((1, len(places)))


def tau_draws(places: Vector, seconds: Vector, weights: Vector) -> Vector:
    """Tau-b of each resample; weights [draw, candidate] say how often it drew a candidate.

    tau = w'(P*S)w / sqrt(w'|P|w * w'|S|w), with P and S the signs of all differences in places
    and seconds. NaN where a resample has equals only.
    """
    one, other = _signs(places), _signs(seconds)

    def paired(matrix: Vector) -> Vector:
        held: Vector = ((weights @ matrix) * weights).sum(axis=1)
        return held

    with np.errstate(invalid="ignore"):
        drawn: Vector = paired(one * other) / np.sqrt(paired(one * one) * paired(other * other))
    return drawn


def rho_draws(places: Vector, seconds: Vector, weights: Vector) -> Vector:
    """Rho of each resample: the weighted correlation of ranks taken anew in it.

    A candidate's rank is the weight of those below it and half that of its equals. NaN where a
    resample has equals only.
    """
    total = weights.sum(axis=1, keepdims=True)
    ranks = [weights @ (_signs(values).T + 1) / 2 for values in (places, seconds)]
    one, other = (r - (weights * r).sum(axis=1, keepdims=True) / total for r in ranks)

    def product(left: Vector, right: Vector) -> Vector:
        held: Vector = (weights * left * right).sum(axis=1)
        return held

    with np.errstate(invalid="ignore"):
        drawn: Vector = product(one, other) / np.sqrt(product(one, one) * product(other, other))
    return drawn


def mean_figure(values: Sequence[float]) -> Figure:
    """The mean, its interval from resampled values; a single value has none.

    Of more than MOST_RESAMPLED the interval is the normal one, which resampling approaches: a
    thousand weights for each of a million values would be 8 GB. At 4,096 values in [0, 1] the two
    differ by less than 0.002.
    """
    held = np.array(values)
    if len(held) == 1:
        return Figure(float(held[0]))
    if len(held) > MOST_RESAMPLED:
        half = NORMAL * float(held.std()) / sqrt(len(held))
        return Figure(float(held.mean()), (float(held.mean()) - half, float(held.mean()) + half))
    drawn = resamples(len(held)) @ held / len(held)
    return Figure(float(held.mean()), interval(drawn))


def geometric_figure(values: Sequence[float]) -> Figure:
    """The geometric mean of positive values, its interval from resampled values."""
    logs = mean_figure([float(np.log(value)) for value in values])
    low, high = logs.ci95 or (logs.value, logs.value)
    ends = (float(np.exp(low)), float(np.exp(high)))
    return Figure(float(np.exp(logs.value)), ends if logs.ci95 else None)


@lru_cache(maxsize=4)
def resamples(count: int) -> Vector:
    """[draw, member]: how often each is drawn, `count` of them with replacement."""
    rng = np.random.default_rng(SEED)
    drawn: Vector = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(float)
    return drawn


def interval(drawn: Vector) -> tuple[float, float] | None:
    """The central 95 % of the draws that are defined."""
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)


def _mean(network: str, problems: Sequence[RankQuality]) -> RankQuality:
    few = [q.best_of_few.value for q in problems if q.best_of_few is not None]
    taus = [q.tau.value for q in problems if q.tau is not None]
    rhos = [q.rho.value for q in problems if q.rho is not None]
    return RankQuality(
        network,
        problems[0].ranking,
        len(problems),
        geometric_figure([q.first.value for q in problems]),
        geometric_figure(few) if few else None,
        mean_figure(taus) if taus else None,
        mean_figure(rhos) if rhos else None,
        _mean_again([q.again for q in problems if q.again is not None]),
    )


def _mean_again(shares: Sequence[AgainShares]) -> AgainShares | None:
    """Geometric means over the problems whose candidates were timed again."""
    if not shares:
        return None
    tops = [one.top.value for one in shares if one.top is not None]
    return AgainShares(
        geometric_figure([one.first.value for one in shares]),
        geometric_figure([one.few.value for one in shares]),
        geometric_figure(tops) if tops else None,
    )


def _network(result: TrialResult) -> str:
    """The workload that the problem belongs to; without one, its primitive."""
    return str(result.problem.get("workload") or result.problem.get("primitive", "problem"))


def _measured(rows: Rows) -> list[Mapping[str, Any]]:
    return [r for r in rows if r.get("measured") is not None and isfinite(r["measured"])]


def _places(contender: str, rows: Rows) -> dict[str, Vector]:
    """Places by ranking: those recorded of all rows, or the order of the rows."""
    places: list[Mapping[str, int]] = [row.get("places") or {} for row in rows]
    named = [n for n in places[0] if n != DRAWN and all(n in own for own in places)]
    if not named:
        return {contender: np.arange(1.0, len(rows) + 1)}
    return {name: np.array([float(own[name]) for own in places]) for name in named}


def _varied(*columns: Vector) -> bool:
    return all(np.ptp(column) > 0 for column in columns)


def _signs(values: Vector) -> Vector:
    """[i, j]: the sign of values[i] - values[j]."""
    signs: Vector = np.sign(values[:, np.newaxis] - values[np.newaxis, :])
    return signs
