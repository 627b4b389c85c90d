"""The table at the end of a campaign: for a terminal, as plain text, and as Markdown."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.record.result import Speedup, Status, TrialResult
from harness.report.rank_quality import CHANCES, FEW, CampaignQuality, RankQuality
from harness.report.summary import (
    ContenderMean,
    Means,
    baselines_of,
    counts_told,
    gaps_of,
    gflops_interval,
    means_of,
    problems_of,
    share_of_peak,
)

WIDTH = 100
LEAST_LABEL = 8  # characters of a problem's label before it is folded
SIGNS = {"faster": "+", "slower": "-", "same": "=", "inconclusive": "?"}
LEGEND = "verdicts: + faster, - slower, = same, ? inconclusive"
QUALITY_LEGEND = (
    "of: candidates measured, problems of a network; of equals the slowest counts; "
    "networks: geometric means, mean correlations"
)
COLOURS = {
    "faster": "green",
    "slower": "red",
    "failed": "red",
    "skipped": "yellow",
    "unsupported": "yellow",
}


@dataclass(frozen=True)
class _Cell:
    text: str = ""
    style: str = ""


@dataclass(frozen=True)
class _Column:
    heading: str
    right: bool = True


@dataclass(frozen=True)
class _Grid:
    """The table before it has a form: rows of cells in sections, then lines below."""

    title: str
    columns: tuple[_Column, ...]
    sections: tuple[tuple[tuple[_Cell, ...], ...], ...]
    notes: tuple[_Cell, ...]
    airy: bool  # two spaces between columns


def campaign_table(
    results: Sequence[TrialResult],
    peak: float | None = None,
    means: Means | None = None,
    quality: CampaignQuality | None = None,
) -> RenderableType:
    """For a rich console. `peak` is one core's measured GFLOP/s; `means` carry intervals.

    `quality`, where candidates were measured, follows as a table of its own.
    """
    told = [_shown(_grid(results, peak, means))]
    if quality is not None and quality.problems:
        told += [Text(), _shown(_quality_grid(quality))]
    return Group(*told)


def _shown(grid: _Grid) -> RenderableType:
    table = Table(
        title=grid.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if grid.airy else 0, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    rows = [row for section in grid.sections for row in section]
    for at, column in enumerate(grid.columns):
        longest = max(map(len, [column.heading, *(row[at].text for row in rows)]))
        table.add_column(
            Text(column.heading),
            justify="right" if column.right else "left",
            no_wrap=at > 0,  # where the terminal is narrow, the problem's label gives way
            overflow="fold" if at == 0 else "ellipsis",
            min_width=longest if at > 0 else LEAST_LABEL,
        )
    for section in grid.sections:
        for row in section:
            table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
        table.add_section()
    notes = [Text(note.text, style=note.style, overflow="fold") for note in grid.notes]
    return Group(table, Text(), *notes)


def render_campaign(
    results: Sequence[TrialResult],
    peak: float | None = None,
    means: Means | None = None,
    quality: CampaignQuality | None = None,
    width: int = WIDTH,
) -> str:
    """Plain text, without colours, for a file or a pipe."""
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, force_terminal=False)
    console.print(campaign_table(results, peak, means, quality))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _grid(results: Sequence[TrialResult], peak: float | None, means: Means | None) -> _Grid:
    problems = problems_of(results)
    baselines = baselines_of(results)
    words = len(baselines) <= 1  # else signs, or the table outgrows the terminal
    sections = [
        tuple(
            _row(problem.label if first else "", result, baselines, peak, words)
            for first, result in zip(_first(problem.results), problem.results, strict=True)
        )
        for problem in problems
    ]
    if len(problems) > 1:
        over_all = means_of(results, means)
        sections.append(
            tuple(
                _mean_row("geometric mean" if first else "", mean, baselines, words)
                for first, mean in zip(_first(over_all), over_all, strict=True)
            )
        )
    return _Grid(
        _title(results, peak),
        _columns(baselines, words),
        tuple(sections),
        _notes(results, words),
        airy=words,
    )


def _quality_grid(quality: CampaignQuality) -> _Grid:
    """Rankings by problem; by network also what no ranking would reach."""
    problems = [q for q in quality.problems if q.ranking not in CHANCES]
    sections = [
        tuple(
            _quality_row(label if first else "", one)
            for first, one in zip(_first(own), own, strict=True)
        )
        for rows in (problems, quality.networks)
        for label, own in _by_label(rows)
    ]
    columns = (
        _Column("problem", right=False),
        _Column("ranking", right=False),
        _Column("of"),
        *(_Column(h, right=False) for h in ("first choice", f"best of {FEW}", "tau", "rho")),
    )
    return _Grid(
        "rank quality | share of the best measured speed, correlation with it [95 %]",
        columns,
        tuple(sections),
        (_Cell(QUALITY_LEGEND, "dim"),),
        airy=False,
    )


def _by_label(rows: Sequence[RankQuality]) -> list[tuple[str, list[RankQuality]]]:
    found: dict[str, list[RankQuality]] = {}
    for row in rows:
        found.setdefault(row.label, []).append(row)
    return list(found.items())


def _quality_row(label: str, one: RankQuality) -> tuple[_Cell, ...]:
    figures = (one.first, one.best_of_few, one.tau, one.rho)
    return (
        _Cell(label, "bold"),
        _Cell(one.ranking, "dim" if one.ranking in CHANCES else ""),
        _Cell(str(one.count)),
        *(_Cell("" if figure is None else str(figure)) for figure in figures),
    )


def _first(members: Sequence[object]) -> list[bool]:
    return [position == 0 for position in range(len(members))]


def _columns(baselines: Sequence[str], words: bool) -> tuple[_Column, ...]:
    compared = [_Column(f"x {baseline} [95 %]", right=False) for baseline in baselines]
    return (
        _Column("problem", right=False),
        _Column("contender", right=False),
        _Column("GFLOP/s [95 %]", right=False),
        _Column("peak"),
        *compared,
        *([_Column("verdict", right=False)] if words and baselines else []),
        _Column("error"),
        _Column("tuning"),
    )


def _row(
    label: str,
    result: TrialResult,
    baselines: Sequence[str],
    peak: float | None,
    words: bool,
) -> tuple[_Cell, ...]:
    share = share_of_peak(result, peak)
    speedups = [result.speedup.get(baseline) for baseline in baselines]
    tuned = result.kind == "strategy" or result.tuning_seconds.measure > 0
    return (
        _Cell(label, "bold"),
        _Cell(result.contender, "" if result.kind == "strategy" else "dim"),
        _figure(result),
        _Cell("" if share is None else f"{share:.0%}"),
        *(_ratio(speedup, words) for speedup in speedups),
        *_verdict_cells(speedups, words),
        _Cell("" if result.max_error is None else f"{result.max_error:.0e}"),
        _Cell(f"{result.tuning_seconds.total:.1f} s" if tuned else ""),
    )


def _mean_row(
    label: str, mean: ContenderMean, baselines: Sequence[str], words: bool
) -> tuple[_Cell, ...]:
    known = [mean.intervals.get(baseline) for baseline in baselines]
    ratios = [
        _ratio(speedup, words)
        if speedup is not None
        else _Cell(f"{mean.ratios[baseline]:.2f}" if baseline in mean.ratios else "")
        for baseline, speedup in zip(baselines, known, strict=True)
    ]
    return (
        _Cell(label, "bold"),
        _Cell(mean.label, "" if mean.kind == "strategy" else "dim"),
        _Cell(counts_told(mean.counts), COLOURS["failed"] if mean.counts["failed"] else ""),
        _Cell(),
        *ratios,
        *_verdict_cells(known, words),
        _Cell(),
        _Cell(f"{mean.tuning_seconds:.1f} s" if mean.kind == "strategy" else ""),
    )


def _figure(result: TrialResult) -> _Cell:
    if result.status != "ok" or result.gflops is None:
        stage = f" ({result.stage})" if result.stage and result.status == "failed" else ""
        return _Cell(f"{result.status}{stage}", COLOURS.get(result.status, ""))
    interval = gflops_interval(result)
    if interval is None:
        return _Cell(_rate(result.gflops))
    return _Cell(f"{_rate(result.gflops)} [{_end(interval[0])} {_end(interval[1])}]")


def _rate(gflops: float) -> str:
    return f"{gflops:.2f}" if gflops < 9.995 else f"{gflops:.1f}"


def _end(gflops: float) -> str:
    """An interval's end, which needs no more than three digits."""
    return f"{gflops:.0f}" if gflops >= 99.95 else _rate(gflops)


def _ratio(speedup: Speedup | None, words: bool) -> _Cell:
    if speedup is None:
        return _Cell()
    low, high = speedup.ci95
    sign = "" if words else f" {SIGNS[speedup.verdict]}"
    text = f"{speedup.ratio:.2f} [{low:.2f} {high:.2f}]{sign}"
    return _Cell(text, COLOURS.get(speedup.verdict, ""))


def _verdict_cells(speedups: Sequence[Speedup | None], words: bool) -> list[_Cell]:
    if not words:
        return []
    return [_Cell(s.verdict, COLOURS.get(s.verdict, "")) if s else _Cell() for s in speedups]


def _title(results: Sequence[TrialResult], peak: float | None) -> str:
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
    if peak:
        parts.append(f"measured peak {peak:.0f} GFLOP/s a core")
    return " | ".join(parts)


def _notes(results: Sequence[TrialResult], words: bool) -> tuple[_Cell, ...]:
    counts: Counter[Status] = Counter(result.status for result in results)
    notes = [_Cell(f"{len(results)} trials: {counts_told(counts)}")]
    if not words:
        notes.append(_Cell(LEGEND, "dim"))
    shared = sum(result.quality == "shared" for result in results)
    if shared:
        notes.append(_Cell(f"{shared} of them were measured on shared cores", "yellow"))
    gaps = gaps_of(problems_of(results))
    notes += [_Cell(str(gap), COLOURS.get(gap.status, "")) for gap in gaps]
    return tuple(notes)
