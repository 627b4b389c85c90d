"""Tables of README, docs and experiments, made from kept records: Markdown by name of its form.

A form is its options and a function from records to Markdown. Where a page has a line
`<!-- table NAME -->`, what follows up to `<!-- end of table -->` is made anew (see pages.py here).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from harness.analysis.figure import Figure
from harness.analysis.means import Layer, campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.analysis.review.causes import bound_told
from harness.analysis.review.facts import facts_of
from harness.analysis.summary import VERDICTS, share_of_bandwidth, share_of_peak
from harness.analysis.time_to_solution import solutions_of
from harness.claims.quantities import over_layers
from harness.claims.records import Records, Selection, Unanswered
from harness.claims.twice import TwiceOptions, pairs_of
from harness.record.result import Speedup, TrialResult
from harness.report.grid import Cell, Column, Grid
from harness.report.markdown import as_markdown
from harness.report.quality_grid import quality_grid
from harness.report.solution_grid import solution_grid
from harness.report.tables import campaign_table
from harness.report.terminal import as_text

Options = TypeVar("Options", bound=Selection)
FACTS = ("date", "processor", "threads", "cache", "C compiler", "commit", "command")
NEAR = 0.95  # of a baseline: as good as it, for most uses


@dataclass(frozen=True)
class Form(Generic[Options]):
    """`made` gives Markdown, or raises Unanswered."""

    options: type[Options]
    made: Callable[[Records, Options], str]


def _facts(records: Records, of: Selection) -> str:
    """When, where and how it was measured: a line each."""
    records.problems(of)
    results = records.chosen(of)
    told = dict(facts_of(records.folder, results))
    compilers = dict.fromkeys(r.versions["compiler"] for r in results if "compiler" in r.versions)
    told["C compiler"] = ", ".join(compilers)
    rows = [(what, told[what]) for what in FACTS if told.get(what)]
    return _markdown(("measured", ""), rows, text=2)


@dataclass(frozen=True)
class TextOptions(Selection):
    """The table that a run ends with; of its problems those `shown`, all where none is named."""

    shown: tuple[str, ...] = ()


def _text(records: Records, of: TextOptions) -> str:
    records.problems(of)
    results = records.chosen(of)
    told = campaign_table(results, campaign_means(records.folder, results), only=of.shown)
    return f"```text\n{as_text(told)}```\n"


@dataclass(frozen=True)
class RatioOptions(Selection):
    contenders: tuple[str, ...] = ("roofline",)
    baseline: str = "onednn"


def _networks(records: Records, of: RatioOptions) -> str:
    """By network and over all of them: means, medians, the least, how many are near or behind."""
    networks: dict[str, set[str]] = {}
    for label, unit in records.problems(of):
        first = next(iter(unit.values()))
        name = str(first.problem.get("workload") or first.problem.get("primitive"))
        networks.setdefault(name, set()).add(label)
    rows: list[tuple[str, ...]] = []
    for contender in of.contenders:
        try:
            layers = records.layers(contender, of.baseline, of)
        except Unanswered as reason:  # the others stand without it
            rows.append(("all", contender, "0", str(reason), "", "", "", ""))
            continue
        parts = [(name, [x for x in layers if x.problem in own]) for name, own in networks.items()]
        rows += [_network_row(name, contender, own) for name, own in parts if own]
        if len(parts) > 1:
            rows.append(_network_row("all", contender, layers))
    heads = (
        "network",
        "contender",
        "problems",
        f"of {of.baseline} [95 %]",
        "median",
        "least of them",
    )
    return _markdown((*heads, f"at {NEAR} or more", "faster, same, slower, open"), rows, text=2)


def _network_row(name: str, contender: str, layers: Sequence[Layer]) -> tuple[str, ...]:
    counts = Counter(layer.verdict for layer in layers)
    least = min(layers, key=lambda layer: layer.ratio)
    return (
        name,
        contender,
        str(len(layers)),
        str(over_layers(layers, "mean")),
        str(over_layers(layers, "median")),
        f"{over_layers(layers, 'least')} ({least.problem})",
        f"{100 * over_layers(layers, 'share', NEAR).value:.0f} %",
        ", ".join(str(counts[verdict]) for verdict in VERDICTS),
    )


@dataclass(frozen=True)
class ProblemOptions(RatioOptions):
    """`bandwidth` adds the share of what the level gives that holds the tensors."""

    bandwidth: bool = False


def _problems(records: Records, of: ProblemOptions) -> str:
    """A row for each problem: the rate and the ratio of each contender."""
    beside = {name: _beside(records, name, of) for name in of.contenders}
    rows = []
    for label, unit in records.problems(of):
        row = [label]
        for contender in of.contenders:
            result = unit.get(contender)
            row += [_rate(result), _ratio(result, of.baseline) or beside[contender].get(label, "")]
            if of.bandwidth:
                row.append(_per_cent([None if result is None else share_of_bandwidth(result)]))
        rows.append(tuple(row))
    heads = []
    for name in of.contenders:
        heads += [f"{name}, GFLOP/s", f"of {of.baseline} [95 %]"]
        heads += ["of bandwidth"] if of.bandwidth else []
    return _markdown(("problem", *heads), rows)


def _beside(records: Records, contender: str, of: ProblemOptions) -> dict[str, str]:
    """Ratios to another strategy, which no record holds: each is drawn anew from the samples."""
    if any(of.baseline in result.speedup for result in records.chosen(of)):
        return {}
    try:
        layers = records.layers(contender, of.baseline, of)
    except Unanswered:
        return {}
    return {layer.problem: _verdict(layer) for layer in layers}


def _rate(result: TrialResult | None) -> str:
    if result is None:
        return ""
    return result.status if result.gflops is None else f"{result.gflops:.1f}"


def _ratio(result: TrialResult | None, baseline: str) -> str:
    found = None if result is None else result.speedup.get(baseline)
    return "" if found is None else _verdict(found)


def _verdict(found: Speedup | Layer) -> str:
    return f"{Figure(found.ratio, found.ci95)} {found.verdict}"


def _classes(records: Records, of: RatioOptions) -> str:
    """What loses and why, by what its estimate is bound by; one contender."""
    (contender,) = of.contenders
    layers = {layer.problem: layer for layer in records.layers(contender, of.baseline, of)}
    classes: dict[str, list[tuple[Layer, TrialResult]]] = {}
    for label, unit in records.problems(of):
        if label in layers:
            own = unit[contender]
            bound = "unknown" if own.estimate is None else own.estimate.bound
            classes.setdefault(bound, []).append((layers[label], own))
    rows = []
    for bound, members in sorted(classes.items(), key=lambda one: -len(one[1])):
        slower = sorted(
            (layer.ratio, layer.problem) for layer, _ in members if layer.verdict == "slower"
        )
        worst = ", ".join(f"{name} {ratio:.2f}" for ratio, name in slower[:3])
        rows.append(
            (
                bound,
                str(len(members)),
                str(over_layers([layer for layer, _ in members], "mean")),
                str(len(slower)),
                worst,
                _per_cent([share_of_peak(result) for _, result in members]),
                _per_cent([share_of_bandwidth(result) for _, result in members]),
            )
        )
    heads = ("bound by", "problems", f"of {of.baseline} [95 %]", "slower", "the worst of them")
    return _markdown((*heads, "share of peak, median", "of bandwidth, median"), rows)


def _per_cent(shares: Sequence[float | None]) -> str:
    known = [share for share in shares if share is not None]
    return f"{100 * np.median(known):.0f} %" if known else ""


def _losses(records: Records, of: RatioOptions) -> str:
    """Each problem that is slower for certain, the worst first, with what bounds it."""
    (contender,) = of.contenders
    layers = sorted(records.layers(contender, of.baseline, of), key=lambda layer: layer.ratio)
    units = dict(records.problems(of))
    rows = [
        (
            layer.problem,
            str(Figure(layer.ratio, layer.ci95)),
            bound_told(units[layer.problem][contender]),
            f"{100 * layer.disturbed:.0f} %",
        )
        for layer in layers
        if layer.verdict == "slower"
    ]
    heads = ("problem", f"of {of.baseline} [95 %]", "bound by", "noise")
    return _markdown(heads, rows) if rows else f"None of {len(layers)} is slower for certain.\n"


def _twice(records: Records, of: TwiceOptions) -> str:
    """Ratios and verdicts at both times."""
    rows = [
        (pair.problem, pair.contender, *map(_verdict, (pair.first, pair.second)))
        for pair in pairs_of(records, of)
    ]
    heads = ("problem", "contender", f"of {of.baseline}, first [95 %]", "again [95 %]")
    return _markdown(heads, rows, text=4)


def _ranking(records: Records, of: Selection) -> str:
    """How well rankings order what was measured, by network."""
    records.problems(of)
    quality = campaign_quality(records.folder, records.chosen(of))
    if not quality.networks:
        raise Unanswered("no strategy measured several candidates")
    return _table(quality_grid(quality, every=False))


def _solutions(records: Records, of: Selection) -> str:
    """What a speed cost to find, beside each tuner."""
    records.problems(of)
    found = solutions_of(records.chosen(of))
    if not found:
        raise Unanswered("no tuner was measured")
    return _table(solution_grid(found))


@dataclass(frozen=True)
class FigureOptions(Selection):
    """Rows of a file of figures: `rows` leads to a mapping from a row's name to its cells."""

    rows: str = ""
    columns: tuple[str, ...] = ()
    digits: int = 3
    signed: bool = False


def _figures(records: Records, of: FigureOptions) -> str:
    held = records.figure(of.rows)
    if not isinstance(held, Mapping):
        raise Unanswered(f"{of.rows} is no mapping of rows")
    rows = [(name, *(_number(cell, of) for cell in cells)) for name, cells in held.items()]
    return _markdown(of.columns, rows)


def _number(cell: object, of: FigureOptions) -> str:
    if isinstance(cell, float):
        return f"{cell:+.{of.digits}f}" if of.signed else f"{cell:.{of.digits}f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], text: int = 1) -> str:
    """The first `text` columns are words."""
    columns = tuple(Column(head, right=place >= text) for place, head in enumerate(heads))
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    return _table(Grid("", columns, (cells,) if cells else (), (), airy=True))


def _table(grid: Grid) -> str:
    """Without a heading: the page has its own."""
    return "\n".join(as_markdown(grid).splitlines()[1:]).strip() + "\n"


TABLES: Mapping[str, Form[Any]] = {
    "facts": Form(Selection, _facts),
    "text": Form(TextOptions, _text),
    "networks": Form(RatioOptions, _networks),
    "problems": Form(ProblemOptions, _problems),
    "classes": Form(RatioOptions, _classes),
    "losses": Form(RatioOptions, _losses),
    "twice": Form(TwiceOptions, _twice),
    "ranking": Form(Selection, _ranking),
    "solutions": Form(Selection, _solutions),
    "figures": Form(FigureOptions, _figures),
}
