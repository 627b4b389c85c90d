"""The table at the end of a campaign: for a terminal, as plain text, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from harness.analysis.groups import ProblemRows, baselines_of, problems_of
from harness.analysis.means import Means
from harness.analysis.rank_quality import CampaignQuality
from harness.analysis.summary import (
    STATUSES,
    ContenderMean,
    gaps_of,
    gflops_interval,
    means_of,
    peak_of,
    share_of_bandwidth,
    share_of_peak,
    worst_first,
)
from harness.analysis.time_to_solution import solutions_of
from harness.measure.noise import MARKED, word_for
from harness.record.result import Speedup, Status, TrialResult
from harness.report.doubts import choices_told, doubts_told
from harness.report.grid import COLOURS, Cell, Column, Grid, first, shown
from harness.report.quality_grid import quality_grid
from harness.report.solution_grid import solution_grid
from harness.report.terminal import PIPE_WIDTH, as_text

WIDTH = PIPE_WIDTH
SIGNS = {"faster": "+", "slower": "-", "same": "=", "inconclusive": "?"}
LEGEND = "verdicts: + faster, - slower, = same, ? inconclusive, ! in noise"
MOST_PROBLEMS = 400  # that are all shown; of more, the worst
WORST = 40


@dataclass(frozen=True)
class _Form:
    """Which columns a table has."""

    baselines: Sequence[str]
    words: bool  # verdicts in words; signs where a table would outgrow the terminal
    roofline: bool
    bandwidth: bool

    @staticmethod
    def of(results: Sequence[TrialResult]) -> _Form:
        baselines = baselines_of(results)
        return _Form(baselines, len(baselines) <= 1, _beside_peak(results), _mostly_moved(results))


def campaign_table(
    results: Sequence[TrialResult],
    means: Means | None = None,
    quality: CampaignQuality | None = None,
    full: bool = False,
    only: Sequence[str] = (),
) -> RenderableType:
    """For a rich console; `means` carry intervals.

    `quality`, where candidates were measured, follows as a table of its own; so does time to
    solution, where a baseline was tuned. Of more than MOST_PROBLEMS problems the worst are shown,
    unless it is to be `full`; `only` names those that are. Means, counts and notes are of all.
    """
    problems = problems_of(results)
    rows: Sequence[ProblemRows] = problems
    if only:
        rows = [problem for problem in problems if problem.label in only]
    elif not full and len(problems) > MOST_PROBLEMS:
        rows = worst_first(problems)[:WORST]
    told = [shown(_grid(results, problems, rows, means))]
    if quality is not None and quality.problems:
        told += [Text(), shown(quality_grid(quality, every=rows is problems))]
    solutions = solutions_of([r for problem in rows for r in problem.results])
    if solutions:
        told += [Text(), shown(solution_grid(solutions))]
    return Group(*told)


def render_campaign(
    results: Sequence[TrialResult],
    means: Means | None = None,
    quality: CampaignQuality | None = None,
    width: int = WIDTH,
) -> str:
    """Plain text, without colours, for a file or a pipe."""
    return as_text(campaign_table(results, means, quality), width)


def _grid(
    results: Sequence[TrialResult],
    problems: Sequence[ProblemRows],
    rows: Sequence[ProblemRows],
    means: Means | None,
) -> Grid:
    form, over_all = _Form.of(results), means_of(results, means)
    sections = [
        tuple(
            _row(problem.label if leads else "", result, form)
            for leads, result in zip(first(problem.results), problem.results, strict=True)
        )
        for problem in rows
    ]
    if len(problems) > 1:
        sections.append(
            tuple(
                _mean_row("geometric mean" if leads else "", mean, form)
                for leads, mean in zip(first(over_all), over_all, strict=True)
            )
        )
    return Grid(
        _title(results),
        _columns(form),
        tuple(sections),
        (*_left_out(problems, rows), *_notes(results, problems, over_all, form)),
        airy=form.words,
    )


def _beside_peak(results: Sequence[TrialResult]) -> bool:
    """Whether any share of an own roofline is another one than that of the peak."""
    return any(
        result.of_roofline is not None
        and _per_cent(result.of_roofline) != _per_cent(share_of_peak(result))
        for result in results
    )


def _mostly_moved(results: Sequence[TrialResult]) -> bool:
    """Whether for most trials moving the tensors takes a quarter of the least time or more."""
    shares = [
        (moved, r.of_roofline)
        for r in results
        if (moved := share_of_bandwidth(r)) is not None and r.of_roofline is not None
    ]
    return 2 * sum(4 * moved >= whole for moved, whole in shares) > len(shares)


def _columns(form: _Form) -> tuple[Column, ...]:
    compared = [Column(f"x {baseline} [95 %]", right=False) for baseline in form.baselines]
    return (
        Column("problem", right=False, folds=True),
        Column("contender", right=False),
        Column("GFLOP/s [95 %]", right=False),
        Column("peak"),
        *([Column("roofline")] if form.roofline else []),
        *([Column("bandwidth")] if form.bandwidth else []),
        *compared,
        *([Column("verdict", right=False)] if form.words and form.baselines else []),
        Column("noise", right=False),
        Column("error"),
        Column("tuning"),
    )


def _row(label: str, result: TrialResult, form: _Form) -> tuple[Cell, ...]:
    share = share_of_peak(result)
    speedups = [result.speedup.get(baseline) for baseline in form.baselines]
    tuned = result.kind == "strategy" or result.tuning_seconds.measure > 0
    return (
        Cell(label, "bold"),
        Cell(result.contender, "" if result.kind == "strategy" else "dim"),
        _figure(result),
        Cell(_per_cent(share)),
        *([Cell(_per_cent(result.of_roofline))] if form.roofline else []),
        *([Cell(_per_cent(share_of_bandwidth(result)))] if form.bandwidth else []),
        *(_ratio(speedup, form.words) for speedup in speedups),
        *_verdict_cells(speedups, form.words),
        _noise(result),
        Cell("" if result.max_error is None else f"{result.max_error:.0e}"),
        Cell(f"{result.tuning_seconds.total:.1f} s" if tuned else ""),
    )


def _mean_row(label: str, mean: ContenderMean, form: _Form) -> tuple[Cell, ...]:
    known = [mean.intervals.get(baseline) for baseline in form.baselines]
    ratios = [
        _ratio(speedup, form.words)
        if speedup is not None
        else Cell(f"{mean.ratios[baseline]:.2f}" if baseline in mean.ratios else "")
        for baseline, speedup in zip(form.baselines, known, strict=True)
    ]
    return (
        Cell(label, "bold"),
        Cell(mean.label, "" if mean.kind == "strategy" else "dim"),
        Cell(_counts(mean.counts), COLOURS["failed"] if mean.counts["failed"] else ""),
        Cell(),
        *([Cell(_per_cent(mean.of_roofline))] if form.roofline else []),
        *([Cell(_per_cent(mean.of_bandwidth))] if form.bandwidth else []),
        *ratios,
        *_verdict_cells(known, form.words),
        Cell(),
        Cell(),
        Cell(f"{mean.tuning_seconds:.1f} s" if mean.kind == "strategy" else ""),
    )


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _counts(counts: Mapping[Status, int]) -> str:
    """8 ok, 1 failed: what there is, ok always."""
    return ", ".join(f"{counts.get(s, 0)} {s}" for s in STATUSES if s == "ok" or counts.get(s))


def _figure(result: TrialResult) -> Cell:
    if result.status != "ok" or result.gflops is None:
        stage = f" ({result.stage})" if result.stage and result.status == "failed" else ""
        return Cell(f"{result.status}{stage}", COLOURS.get(result.status, ""))
    interval = gflops_interval(result)
    if interval is None:
        return Cell(_rate(result.gflops))
    return Cell(f"{_rate(result.gflops)} [{_end(interval[0])} {_end(interval[1])}]")


def _rate(gflops: float) -> str:
    return f"{gflops:.2f}" if gflops < 9.995 else f"{gflops:.1f}"


def _end(gflops: float) -> str:
    """An interval's end, which needs no more than three digits."""
    return f"{gflops:.0f}" if gflops >= 99.95 else _rate(gflops)


def _ratio(speedup: Speedup | None, words: bool) -> Cell:
    if speedup is None:
        return Cell()
    low, high = speedup.ci95
    sign = "" if words else f" {SIGNS[speedup.verdict]}{_mark(speedup)}"
    text = f"{speedup.ratio:.2f} [{low:.2f} {high:.2f}]{sign}"
    return Cell(text, COLOURS.get(speedup.verdict, ""))


def _verdict_cells(speedups: Sequence[Speedup | None], words: bool) -> list[Cell]:
    if not words:
        return []
    return [
        Cell(f"{s.verdict}{_mark(s)}", COLOURS.get(s.verdict, "")) if s else Cell()
        for s in speedups
    ]


def _mark(speedup: Speedup) -> str:
    """Behind a verdict that was reached in noise."""
    return "!" if (speedup.noise or 0.0) > MARKED else ""


def _noise(result: TrialResult) -> Cell:
    """The share of disturbed samples, in a word and in per cent."""
    if result.noise is None:
        return Cell()
    word = word_for(result.noise)
    return Cell(f"{word} {result.noise:.0%}", COLOURS.get(word, ""))


def _title(results: Sequence[TrialResult]) -> str:
    """Conditions that all results share; what differs stands in the rows' labels."""
    if not results:
        return "no results"
    parts = ["nominal GFLOP/s"]
    caches = sorted({result.cache for result in results})
    threads = sorted({result.threads for result in results})
    architectures = sorted({result.architecture for result in results})
    parts.append(" and ".join(caches))
    parts.append(" and ".join(map(str, threads)) + (" thread" if threads == [1] else " threads"))
    parts.append(", ".join(architectures))
    peaks = sorted({round(peak) for result in results if (peak := peak_of(result)) is not None})
    if peaks:
        told = " to ".join(map(str, dict.fromkeys((peaks[0], peaks[-1]))))
        parts.append(f"measured peak {told} GFLOP/s a core")
    return " | ".join(parts)


def _left_out(problems: Sequence[ProblemRows], rows: Sequence[ProblemRows]) -> list[Cell]:
    left = len(problems) - len(rows)
    if not left:
        return []
    if len(problems) <= MOST_PROBLEMS:
        return [Cell(f"{len(rows)} of {len(problems)} problems", "dim")]
    told = f"the worst {len(rows)} problems; {left} more: polydl show CAMPAIGN full=true"
    return [Cell(told, "yellow")]


def _notes(
    results: Sequence[TrialResult],
    problems: Sequence[ProblemRows],
    over_all: Sequence[ContenderMean],
    form: _Form,
) -> tuple[Cell, ...]:
    counts: Counter[Status] = Counter(result.status for result in results)
    notes = [Cell(f"{len(results)} trials: {_counts(counts)}")]
    if not form.words:
        notes.append(Cell(LEGEND, "dim"))
    worst = [f"{mean.label} {_per_cent(mean.worst)}" for mean in over_all if mean.worst]
    if form.roofline and worst and len({result.problem.get("name") for result in results}) > 1:
        notes.append(Cell(f"least share of an own roofline: {', '.join(worst)}", "dim"))
    shared = sum(result.quality == "shared" for result in results)
    if shared:
        notes.append(Cell(f"{shared} of them were measured on shared cores", "yellow"))
    notes += [Cell(str(gap), COLOURS.get(gap.status, "")) for gap in gaps_of(problems)]
    notes += [Cell(told, "yellow") for told in (*choices_told(problems), *doubts_told(problems))]
    return tuple(notes)
