"""From a campaign's folder to the document of its review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.analysis.doubts import noisy_trials, withheld_verdicts
from harness.analysis.figure import Figure
from harness.analysis.groups import (
    ProblemRows,
    baselines_of,
    conditions_of,
    grouped,
    problems_of,
)
from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import FEW, RankQuality, campaign_quality
from harness.analysis.review.causes import bound_told, model_told, noise_told
from harness.analysis.review.commands import Quote
from harness.analysis.review.detail import detail_of
from harness.analysis.review.document import (
    Loss,
    Mean,
    Quality,
    Ratio,
    Review,
    Samples,
    Search,
    Trust,
)
from harness.analysis.review.facts import facts_of, lacks_of
from harness.analysis.review.raw_data import samples_of, search_of
from harness.analysis.review.rows import PrimitiveOf, ceilings_row, problem_row, trial_row
from harness.analysis.summary import STATUSES, VERDICTS, gaps_of, means_of
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult

Interval = tuple[float, float | None, float | None]


def review_of(folder: CampaignFolder, primitive_of: PrimitiveOf, quote: Quote) -> Review:
    """Everything that is shown of a campaign; what it does not hold is left out and told.

    `primitive_of` gives the primitive of recorded problem facts, None where it is not known;
    `quote` writes a text as an override's value.
    Raises RecordError where there are no results.
    """
    lines = folder.attempts()
    results = tuple(attempts[-1] for attempts in lines.values())
    units = problems_of(results)
    hosts = {_host(r): r for r in reversed(results)}  # the first of each
    places = {host: place for place, host in enumerate(hosts)}
    trials = []
    details = {}
    samples: dict[str, Samples] = {}
    searches: dict[str, Search] = {}
    for number, unit in enumerate(units):
        rows = {r.contender: folder.samples(r.trial) for r in unit.results}
        baselines = {
            r.contender: rows[r.contender]
            for r in unit.results
            if r.kind == "baseline" and rows[r.contender]
        }
        for r in unit.results:
            trials.append(trial_row(r, unit.results, number, places[_host(r)]))
            details[r.trial] = detail_of(str(folder.path), r, lines[r.trial], primitive_of, quote)
            if rows[r.contender]:
                others = {name: held for name, held in baselines.items() if name in r.speedup}
                samples[r.trial] = samples_of(r.contender, rows[r.contender], others)
            if (search := search_of(folder.candidates(r.trial), r.schedule)) is not None:
                searches[r.trial] = search
    hashes = dict.fromkeys(r.kernel for r in results if r.kernel is not None)
    kernels = {name: text for name in hashes if (text := folder.kernel(name)) is not None}
    problems = tuple(problem_row(unit, primitive_of) for unit in units)
    quality = campaign_quality(folder, results)
    return Review(
        campaign=folder.name,
        facts=facts_of(folder, results),
        statuses={s: n for s in STATUSES if (n := sum(r.status == s for r in results))},
        baselines=baselines_of(results),
        means=_means(folder, results),
        loss=_loss(units),
        trust=_trust(units, results),
        gaps=tuple(map(str, gaps_of(units))),
        lacks=lacks_of(results, problems, samples, kernels),
        hosts=tuple(map(ceilings_row, hosts.values())),
        problems=problems,
        trials=tuple(trials),
        quality=tuple(map(_quality, (*quality.networks, *quality.problems))),
        few=FEW,
        details=details,
        samples=samples,
        searches=searches,
        kernels=kernels,
    )


def _host(result: TrialResult) -> tuple[str, str]:
    return result.node, str(result.host.get("fingerprint", ""))


def _means(folder: CampaignFolder, results: Sequence[TrialResult]) -> tuple[Mean, ...]:
    found = []
    members = dict(grouped(results, lambda r: {"name": r.contender} | conditions_of(r)))
    for mean in means_of(results, campaign_means(folder, results)):
        own = members[mean.label]
        for baseline, ratio in mean.ratios.items():
            whole = mean.intervals.get(baseline)
            counts = Counter(r.speedup[baseline].verdict for r in own if baseline in r.speedup)
            found.append(
                Mean(
                    mean.label,
                    baseline,
                    ratio if whole is None else whole.ratio,
                    None if whole is None else whole.ci95,
                    None if whole is None else whole.verdict,
                    {v: counts[v] for v in VERDICTS if counts[v]},
                )
            )
    return tuple(found)


def _loss(units: Sequence[ProblemRows]) -> Loss | None:
    """The least ratio of all; a verdict of `slower` goes before what noise leaves open."""
    found = [
        (s.verdict != "slower", s.ratio, r.contender, name, unit, r)
        for unit in units
        for r in unit.results
        for name, s in r.speedup.items()
    ]
    if not found:
        return None
    *_, name, unit, result = min(found, key=lambda one: one[:2])
    ratio: Ratio = trial_row(result, unit.results, 0, 0).ratios[name]
    return Loss(
        result.trial,
        unit.label,
        result.contender,
        name,
        ratio,
        bound_told(result),
        model_told(result),
        noise_told(ratio.noise if ratio.noise is not None else result.noise),
    )


def _trust(units: Sequence[ProblemRows], results: Sequence[TrialResult]) -> Trust:
    timed = [r for r in results if r.seconds is not None]
    known = [(r.seconds.samples, r.noise) for r in timed if r.seconds and r.noise is not None]
    total = sum(samples for samples, _ in known)
    return Trust(
        samples=sum(r.seconds.samples for r in timed if r.seconds is not None),
        noise=sum(n * noise for n, noise in known) / total if total else None,
        noisy=len(noisy_trials(units)),
        withheld=withheld_verdicts(units),
        verified=sum(r.max_error is not None for r in timed),
        timed=len(timed),
        shared=sum(r.quality == "shared" for r in timed),
    )


def _quality(one: RankQuality) -> Quality:
    return Quality(
        one.label,
        one.ranking,
        one.count,
        _figure(one.first),
        None if one.best_of_few is None else _figure(one.best_of_few),
        None if one.tau is None else _figure(one.tau),
        None if one.rho is None else _figure(one.rho),
        ()
        if one.again is None
        else tuple(
            None if figure is None else _figure(figure)
            for figure in (one.again.first, one.again.few, one.again.top)
        ),
    )


def _figure(one: Figure) -> Interval:
    low, high = one.ci95 or (None, None)
    return one.value, low, high
