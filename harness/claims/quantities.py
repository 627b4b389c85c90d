"""What a claim may be about: a quantity in a campaign's records, with its 95 % interval.

Intervals come from the samples: draws of every problem's ratio are made as for its own interval
(harness/measure/statistics.py), the statistic is taken of each draw. Counts have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from harness.analysis.means import Layer
from harness.analysis.rank_quality import geometric_figure
from harness.analysis.summary import VERDICTS, gflops_interval
from harness.analysis.time_to_solution import Against, solutions_of
from harness.bounds import one_of, positive
from harness.claims.rankings import RANKED, ranking_figure
from harness.claims.records import Records, Selection, Unanswered
from harness.claims.twice import TwiceOptions, pairs_of
from harness.measure.statistics import Table, interval

Options = TypeVar("Options", bound=Selection)


@dataclass(frozen=True)
class Measured:
    """A figure of so many problems; `low` to `high` is its 95 % interval, itself for a count."""

    value: float
    low: float
    high: float
    problems: int

    def __str__(self) -> str:
        ends = f" [{_told(self.low)} {_told(self.high)}]" if self.low < self.high else ""
        return f"{_told(self.value)}{ends}"


@dataclass(frozen=True)
class Quantity(Generic[Options]):
    """`of` gives the figure, or raises Unanswered."""

    options: type[Options]
    of: Callable[[Records, Options], Measured]


def _told(value: float) -> str:
    """Three figures behind the point below 0.1, two above, none from 100."""
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


@dataclass(frozen=True)
class SpeedupOptions(Selection):
    """baseline seconds / contender seconds over problems; a share is of those at `limit`."""

    contender: str = "roofline"
    baseline: str = "onednn"
    statistic: str = one_of("mean", ("mean", "median", "least", "share"))
    limit: float = positive(1.0, 1000)


def _speedup(records: Records, of: SpeedupOptions) -> Measured:
    layers = records.layers(of.contender, of.baseline, of)
    return over_layers(layers, of.statistic, of.limit)


def over_layers(layers: Sequence[Layer], statistic: str, limit: float = 1.0) -> Measured:
    """The statistic of the layers' ratios: mean (geometric), median, least, share at `limit`."""
    function = _STATISTICS[statistic]
    value = float(function(np.array([[layer.ratio] for layer in layers]), limit)[0])
    low, high = interval(function(np.array([layer.draws for layer in layers]), limit))
    return Measured(value, min(low, value), max(high, value), len(layers))


_STATISTICS: Mapping[str, Callable[[Table, float], Table]] = {  # of [problem, draw]
    "mean": lambda ratios, limit: np.exp(np.log(ratios).mean(axis=0)),
    "median": lambda ratios, limit: np.median(ratios, axis=0),
    "least": lambda ratios, limit: ratios.min(axis=0),
    "share": lambda ratios, limit: (ratios >= limit).mean(axis=0),
}


@dataclass(frozen=True)
class RateOptions(Selection):
    """Nominal GFLOP/s of one contender on one problem."""

    contender: str = "roofline"


def _rate(records: Records, of: RateOptions) -> Measured:
    found = records.of_contender(of.contender, of)
    if len(found) > 1:
        raise Unanswered("the rate of several problems is none; name one in problems")
    low, high = gflops_interval(found[0]) or (0.0, 0.0)
    return Measured(float(found[0].gflops or 0.0), low, high, 1)


@dataclass(frozen=True)
class VerdictOptions(Selection):
    """How many problems have this verdict."""

    contender: str = "roofline"
    baseline: str = "onednn"
    verdict: str = one_of("slower", VERDICTS)


def _verdicts(records: Records, of: VerdictOptions) -> Measured:
    found = [
        result.speedup[of.baseline].verdict
        for result in records.of_contender(of.contender, of)
        if of.baseline in result.speedup
    ]
    if not found:
        raise Unanswered(f"{of.contender} was not compared with {of.baseline}")
    return _count(sum(one == of.verdict for one in found), len(found))


@dataclass(frozen=True)
class StatusOptions(Selection):
    """How many trials ended so, of some contenders or of all."""

    contenders: tuple[str, ...] = ()
    status: str = one_of("failed", ("ok", "failed", "skipped", "unsupported"))


def _statuses(records: Records, of: StatusOptions) -> Measured:
    problems = records.problems(of)
    own = [r for r in records.chosen(of) if not of.contenders or r.contender in of.contenders]
    if not own:
        raise Unanswered(f"no trial of {' or '.join(of.contenders)} is recorded")
    found = sum(result.status == of.status for result in own)
    return _count(found, len(problems))


def _count(number: int, problems: int) -> Measured:
    return Measured(number, number, number, problems)


@dataclass(frozen=True)
class RankingOptions(Selection):
    """Of what a `survey` measured: the share of the best that a ranking's choice reaches.

    `again`: by the figures of the second measurement alone (docs/concepts/ranking.md).
    """

    ranking: str = "roofline"
    survey: str = "survey"  # the contender's label
    figure: str = one_of("first", RANKED)
    again: bool = True


def _ranking(records: Records, of: RankingOptions) -> Measured:
    shares = [
        share
        for _, unit in records.problems(of)
        if of.survey in unit
        if (share := ranking_figure(records.folder, unit[of.survey], of)) is not None
    ]
    if not shares:
        what = "measured again" if of.again else "measured"
        raise Unanswered(f"no candidates of {of.survey} that {of.ranking} ranks were {what}")
    figure = geometric_figure([one.value for one in shares]) if len(shares) > 1 else shares[0]
    low, high = figure.ci95 or (figure.value, figure.value)
    return Measured(figure.value, low, high, len(shares))


@dataclass(frozen=True)
class SolutionOptions(Selection):
    """Seconds of a contender's search as a share of a tuner's, where its speed is reached.

    `median` and `most` are over the problems where it is, `missed` counts the others.
    """

    contender: str = "roofline"
    tuner: str = "autotvm"
    figure: str = one_of("median", ("median", "most", "missed"))


def _solution(records: Records, of: SolutionOptions) -> Measured:
    found: list[Against] = [
        one.against[of.tuner]
        for one in solutions_of(records.chosen(of))
        if one.contender == of.contender and of.tuner in one.against
    ]
    if not found:
        raise Unanswered(f"{of.contender} was not measured beside {of.tuner}")
    if of.figure == "missed":
        return _count(sum(not one.reached for one in found), len(found))
    shares = [one.share for one in found if one.reached and one.share is not None]
    if not shares:
        raise Unanswered(f"{of.contender} reaches {of.tuner} nowhere")
    if of.figure == "most":
        value = max(shares)
        return Measured(value, value, value, len(shares))
    return _median(shares)


@dataclass(frozen=True)
class SearchOptions(Selection):
    """Seconds that a contender's search takes, the median over problems."""

    contender: str = "roofline"


def _search(records: Records, of: SearchOptions) -> Measured:
    return _median([r.tuning_seconds.total for r in records.of_contender(of.contender, of)])


@dataclass(frozen=True)
class RankedOptions(Selection):
    """Schedules that a contender's ranking orders in a second, the median over problems."""

    contender: str = "roofline"


def _ranked(records: Records, of: RankedOptions) -> Measured:
    """Of the whole analysis: what is enumerated, checked and ordered."""
    found = records.of_contender(of.contender, of)
    told = [(r.ranked, r.tuning_seconds.analyse) for r in found]
    rates = [ranked / seconds for ranked, seconds in told if ranked and seconds]
    if not rates:
        raise Unanswered(f"{of.contender} ranks nothing")
    return _median(rates)


@dataclass(frozen=True)
class FigureOptions(Selection):
    """A figure of a file, by its dotted key."""

    key: str = ""


def _figure(records: Records, of: FigureOptions) -> Measured:
    held = records.figure(of.key)
    if not isinstance(held, int | float):
        raise Unanswered(f"{of.key} is no number")
    return Measured(held, held, held, 0)


def _contradictions(records: Records, of: TwiceOptions) -> Measured:
    """Faster at one time, slower at the other."""
    pairs = pairs_of(records, of)
    return _count(sum(pair.contradicts for pair in pairs), len(pairs))


def _median(values: Sequence[float]) -> Measured:
    """With the interval from resampled problems."""
    held = np.array(values)
    dice = np.random.default_rng(0)
    drawn = np.median(held[dice.integers(len(held), size=(2000, len(held)))], axis=1)
    low, high = interval(drawn)
    return Measured(float(np.median(held)), low, high, len(held))


QUANTITIES: Mapping[str, Quantity[Any]] = {
    "speedup": Quantity(SpeedupOptions, _speedup),
    "rate": Quantity(RateOptions, _rate),
    "verdicts": Quantity(VerdictOptions, _verdicts),
    "statuses": Quantity(StatusOptions, _statuses),
    "ranking": Quantity(RankingOptions, _ranking),
    "solution": Quantity(SolutionOptions, _solution),
    "search": Quantity(SearchOptions, _search),
    "ranked": Quantity(RankedOptions, _ranked),
    "figure": Quantity(FigureOptions, _figure),
    "contradictions": Quantity(TwiceOptions, _contradictions),
}
