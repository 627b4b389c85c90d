"""What a campaign's parent run says of the whole: means, verdicts, where, a note to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf

from compiler.errors import shown
from harness.analysis.groups import baselines_of
from harness.analysis.means import Means
from harness.analysis.rank_quality import CampaignQuality
from harness.analysis.summary import STATUSES, VERDICTS, means_of, share_of_peak
from harness.record.result import Speedup, TrialResult
from harness.report.grid import Cell, Column, Grid
from harness.report.markdown import as_markdown
from harness.report.tables import render_campaign
from harness.tracking.run_fields import finite, safe_name, speedup_metrics

LONGEST_NOTE = 7_500  # characters; stores take 8,000 in a tag
MOST_ROWS = 40
LONGEST_CELL = 60


@dataclass(frozen=True)
class Overview:
    """`note` is Markdown; `workloads` are digests of the problems by the name of their list."""

    table: str
    note: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    workloads: Mapping[str, str]


def overview(
    results: Sequence[TrialResult],
    means: Means | None = None,
    quality: CampaignQuality | None = None,
) -> Overview:
    """Of a campaign's newest results; `means` carry the intervals, where hosts are alike."""
    return Overview(
        render_campaign(results, means, quality),
        _note(results, means),
        finite(_metrics(results, means)),
        _tags(results),
        _workloads(results),
    )


def _metrics(results: Sequence[TrialResult], means: Means | None) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {
        status: float(sum(result.status == status for result in results)) for status in STATUSES
    }
    for mean in means_of(results, means):
        for baseline, ratio in mean.ratios.items():
            name = f"geomean.{baseline}.{mean.label}"
            interval = mean.intervals.get(baseline)
            metrics |= {name: ratio} if interval is None else speedup_metrics(name, interval)
    for baseline in baselines_of(results):
        told = [r.speedup[baseline].verdict for r in results if baseline in r.speedup]
        metrics |= {f"verdicts.{baseline}.{v}": float(told.count(v)) for v in VERDICTS if told}
    return metrics


def _tags(results: Sequence[TrialResult]) -> dict[str, str]:
    """Where it was measured, and with what; several values where trials differ."""
    facts: dict[str, Iterable[object]] = {
        "host": (r.node for r in results),
        "cpu": (r.host.get("cpu") for r in results),
        "git_commit": (r.host.get("git_commit") for r in results),
        "threads": (r.threads for r in results),
        "cache": (r.cache for r in results),
    }
    told = {
        name: ", ".join(dict.fromkeys(str(v) for v in held if v)) for name, held in facts.items()
    }
    return {name: shown(text, LONGEST_NOTE) for name, text in told.items() if text}


def _workloads(results: Iterable[TrialResult]) -> dict[str, str]:
    """Problems that stand in no list are their primitive's."""
    lists: dict[str, set[str]] = {}
    for result in results:
        facts = result.problem
        name = safe_name(str(facts.get("workload") or facts.get("primitive") or "problems"))
        told = json.dumps([facts.get("name"), facts.get("sizes")], sort_keys=True, default=str)
        lists.setdefault(name, set()).add(told)
    digests = {name: sha256("\n".join(sorted(held)).encode()) for name, held in lists.items()}
    return {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def _note(results: Sequence[TrialResult], means: Means | None) -> str:
    """The means, then the trials that are furthest behind, as many as there is room for."""
    baselines = baselines_of(results)
    over_all = as_markdown(_means_grid(results, means, baselines))
    compared = sorted((r for r in results if r.kind == "strategy"), key=_worst)
    rows = min(MOST_ROWS, len(compared))
    while True:
        left = len(compared) - rows
        notes = [f"{left} more in results.txt and report.html"] if left else []
        told = as_markdown(_trials_grid(compared[:rows], baselines, notes))
        note = f"{over_all}\n{told}"
        if len(note) <= LONGEST_NOTE or rows == 0:
            return note[:LONGEST_NOTE]
        rows = rows * 3 // 4


def _worst(result: TrialResult) -> tuple[bool, float]:
    """Failures first, then by the lowest ratio to a baseline."""
    return result.status == "ok", min((s.ratio for s in result.speedup.values()), default=inf)


def _means_grid(
    results: Sequence[TrialResult], means: Means | None, baselines: Sequence[str]
) -> Grid:
    rows = []
    for mean in means_of(results, means):
        own = [r for r in results if r.contender == mean.contender]
        cells = [Cell(shown(mean.label, LONGEST_CELL))]
        for baseline in baselines:
            ratio = mean.ratios.get(baseline)
            told = "" if ratio is None else f"{ratio:.2f}"
            verdicts = [r.speedup[baseline].verdict for r in own if baseline in r.speedup]
            counts = ", ".join(f"{verdicts.count(v)} {v}" for v in VERDICTS if v in verdicts)
            cells.append(Cell(_ratio(mean.intervals.get(baseline)) or told))
            cells.append(Cell(counts))
        cells.append(Cell(", ".join(f"{mean.counts[s]} {s}" for s in STATUSES if mean.counts[s])))
        rows.append(tuple(cells))
    columns = [Column("contender", right=False)]
    for baseline in baselines:
        columns += [Column(f"x {shown(baseline, LONGEST_CELL)} [95 %]"), Column("verdicts", False)]
    columns.append(Column("trials", right=False))
    return Grid("Geometric means", tuple(columns), (tuple(rows),), (), airy=True)


def _trials_grid(
    results: Sequence[TrialResult], baselines: Sequence[str], notes: Sequence[str]
) -> Grid:
    rows = []
    for result in results:
        share = share_of_peak(result)
        cells = [
            Cell(shown(result.problem.get("name", ""), LONGEST_CELL)),
            Cell(shown(result.contender, LONGEST_CELL)),
            Cell(result.status),
            Cell("" if result.gflops is None else f"{result.gflops:.1f}"),
            Cell("" if share is None else f"{share:.0%}"),
        ]
        for baseline in baselines:
            speedup = result.speedup.get(baseline)
            cells += [Cell(_ratio(speedup)), Cell(speedup.verdict if speedup else "")]
        rows.append(tuple(cells))
    columns = [Column(name, right=False) for name in ("problem", "contender", "status")]
    columns += [Column("GFLOP/s"), Column("peak")]
    for baseline in baselines:
        columns += [Column(f"x {shown(baseline, LONGEST_CELL)} [95 %]"), Column("verdict", False)]
    return Grid("Worst first", tuple(columns), (tuple(rows),), tuple(map(Cell, notes)), airy=True)


def _ratio(speedup: Speedup | None) -> str:
    if speedup is None:
        return ""
    low, high = speedup.ci95
    return f"{speedup.ratio:.2f} [{low:.2f} {high:.2f}]"
