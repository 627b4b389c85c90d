"""Two campaigns, or a history of several, as tables: what differs first, then the ratios."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.comparison import Compared, Comparison
from harness.analysis.environment import Difference
from harness.analysis.history import History, Series, Step
from harness.analysis.intervals import Interval
from harness.analysis.pairing import problem_label
from harness.analysis.summary import VERDICTS
from harness.record.result import TrialResult
from harness.report.grid import COLOURS, Cell, Column, Grid, first

LONGEST = 60  # characters of a fact; all of it stands in the records
NOTHING = (Cell("nothing that is recorded", "dim"), Cell(), Cell(), Cell())
OTHER_HOSTS = "measured on unlike hosts: every ratio below is of the machines too"
LEGEND = (
    "ratio: speed of the second campaign over the first's [95 %]; "
    "by: the baseline that both were measured beside, or the processes' own times"
)


def comparison_grids(found: Comparison) -> tuple[Grid, ...]:
    """What differs, the pairs and their means, and what stands in one campaign alone."""
    return (differences_grid(found), pairs_grid(found))


def differences_grid(found: Comparison) -> Grid:
    """What the two do not share, hosts first."""
    notes = []
    if not found.same_hosts:
        notes.append(Cell(OTHER_HOSTS, "red"))
    columns = ("what differs", "fact", found.one.name, found.other.name)
    return Grid(
        f"{found.one.name} -> {found.other.name}",
        tuple(Column(_cut(heading), right=False) for heading in columns),
        _difference_rows(found.differences) or ((NOTHING,),),
        tuple(notes),
        airy=True,
    )


def pairs_grid(found: Comparison) -> Grid:
    """Ratios, the worst first; then means over the problems."""
    pairs = tuple(_pair(pair) for pair in found.pairs)
    means = tuple(
        (
            Cell(f"geometric mean of {mean.problems}", "bold"),
            Cell(mean.contender),
            _ratio(mean.ratio, mean.verdict),
            Cell(mean.verdict, COLOURS.get(mean.verdict, "")),
            Cell(),
            Cell(),
            Cell(),
        )
        for mean in found.means
    )
    headings = ("problem", "contender", "ratio [95 %]", "verdict", "by", "noise", "")
    return Grid(
        f"ratios, threshold {found.threshold:g}",
        tuple(Column(heading, right=False) for heading in headings),
        tuple(rows for rows in (pairs, means) if rows),
        tuple(_notes(found)),
        airy=True,
    )


def history_grid(found: History) -> Grid:
    """Every contender from the first campaign to the last, with its steps."""
    rows = [_series(one, found) for one in (*found.means, *found.series)]
    headings = ("problem", "contender", "by", "last / first [95 %]", "steps")
    notes = [
        Cell(f"{number}: {_cut(one.name)}, {one.started[:16].replace('T', ' ')}, {one.commit}")
        for number, one in enumerate(found.campaigns, start=1)
    ]
    notes.append(Cell("?: the last campaign, with none after it to confirm a step", "dim"))
    return Grid(
        f"history of {len(found.campaigns)} campaigns",
        tuple(Column(heading, right=False) for heading in headings),
        (tuple(rows),) if rows else (),
        tuple(notes),
        airy=True,
    )


def verdict_told(found: Comparison) -> str:
    """One line: what became slower beyond the threshold, or that nothing did."""
    slower = [f"{p.contender} on {p.problem}" for p in found.regressions]
    slower += [f"{mean.contender} over {mean.problems} problems" for mean in found.slower_means]
    if slower:
        told = ", ".join(_cut(name) for name in slower[:6])
        more = f" and {len(slower) - 6} more" if len(slower) > 6 else ""
        return f"slower by more than {found.threshold:.0%}: {told}{more}"
    return f"no regression: no interval lies below {1 - found.threshold:g}"


def _difference_rows(differences: Sequence[Difference]) -> tuple[tuple[tuple[Cell, ...], ...], ...]:
    by_aspect: dict[str, list[Difference]] = {}
    for one in differences:
        by_aspect.setdefault(one.aspect, []).append(one)
    return tuple(
        tuple(
            (
                Cell(aspect if leads else "", "bold"),
                Cell(_cut(one.name)),
                Cell(_cut(one.one)),
                Cell(_cut(one.other)),
            )
            for leads, one in zip(first(own), own, strict=True)
        )
        for aspect, own in by_aspect.items()
    )


def _pair(pair: Compared) -> tuple[Cell, ...]:
    if pair.ratio is None or pair.verdict is None:
        lost = COLOURS["failed"] if pair.one.seconds is not None else "dim"
        figures = (Cell("none", lost), Cell(), Cell(), Cell())
    else:
        figures = (
            _ratio(pair.ratio, pair.verdict),
            Cell(pair.verdict, COLOURS.get(pair.verdict, "")),
            Cell(_cut(pair.basis)),
            Cell(f"{pair.noise:.0%}"),
        )
    told = ["other schedule"] if pair.rescheduled else []
    told += [_cut(pair.reason, 3 * LONGEST)] if pair.reason else []
    return (
        Cell(_cut(pair.problem), "bold"),
        Cell(_cut(pair.contender)),
        *figures,
        Cell("; ".join(told), "dim"),
    )


def _ratio(ratio: Interval, verdict: str) -> Cell:
    text = f"{ratio.value:.3f} [{ratio.low:.3f} {ratio.high:.3f}]"
    return Cell(text, COLOURS.get(verdict, ""))


def _notes(found: Comparison) -> list[Cell]:
    counts = ", ".join(f"{found.counts[v]} {v}" for v in VERDICTS if found.counts[v])
    notes = [Cell(f"{len(found.pairs)} trials in both: {counts or 'no figures'}")]
    if found.lost:
        names = ", ".join(f"{p.contender} on {p.problem}" for p in found.lost[:6])
        notes.append(Cell(f"without a figure now: {_cut(names, 4 * LONGEST)}", "red"))
    for side, trials in ((found.one, found.only_one), (found.other, found.only_other)):
        if trials:
            notes.append(Cell(f"only in {_cut(side.name)}: {_listed(trials)}", "yellow"))
    notes.append(Cell(LEGEND, "dim"))
    notes.append(Cell(verdict_told(found), "red" if found.regressed else ""))
    return notes


def _listed(trials: Sequence[TrialResult]) -> str:
    names = [f"{trial.contender} on {problem_label(trial)}" for trial in trials[:6]]
    more = f" and {len(trials) - 6} more" if len(trials) > 6 else ""
    return _cut(", ".join(names), 4 * LONGEST) + more


def _series(one: Series, found: History) -> tuple[Cell, ...]:
    change = one.change
    return (
        Cell(_cut(one.problem), "bold"),
        Cell(_cut(one.contender)),
        Cell(_cut(one.basis)),
        Cell() if change is None else _ratio(change, ""),
        Cell("; ".join(_step(step, found) for step in one.steps), _style(one.steps)),
    )


def _step(step: Step, found: History) -> str:
    ratio = step.ratio
    sign = "" if step.confirmed else "?"
    where = f"{step.at + 1} ({found.campaigns[step.at].commit})"
    return f"x {ratio.value:.3f} [{ratio.low:.3f} {ratio.high:.3f}]{sign} at {where}"


def _style(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    return COLOURS["slower"] if steps[-1].ratio.value < 1 else COLOURS["faster"]


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
