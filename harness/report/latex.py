"""A table of trials for a paper: a tabular that needs no package, everything in it text."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.errors import printable
from harness.analysis.groups import baselines_of, problems_of
from harness.analysis.summary import gflops_interval
from harness.record.result import Speedup, TrialResult
from harness.report.grid import first

# Braces keep ligatures apart, and what would be an option of the line break before a row's start.
_MEANT = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': r"\char34{}",
    "'": r"\char39{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
    **{char: f"{{{char}}}" for char in "[]*-=+@?!,"},
}
LONGEST = 120  # characters of a cell


def as_latex(results: Sequence[TrialResult]) -> str:
    r"""Problem, contender, nominal GFLOP/s and each speedup, with 95 % intervals; for \input."""
    baselines = baselines_of(results)
    headings = ["problem", "contender", "GFLOP/s", *(f"x {name}" for name in baselines)]
    lines = [
        r"\begin{tabular}{ll" + "r" * (1 + len(baselines)) + "}",
        r"\hline",
        _line([text(heading) for heading in headings]),
        r"\hline",
    ]
    for problem in problems_of(results):
        for leads, result in zip(first(problem.results), problem.results, strict=True):
            told = [text(problem.label) if leads else "", text(result.contender), _rate(result)]
            told += [_speedup(result.speedup.get(name)) for name in baselines]
            lines.append(_line(told))
        lines.append(r"\hline")
    return "\n".join([*lines, r"\end{tabular}"]) + "\n"


def text(told: str) -> str:
    """On one line; every character stands for itself."""
    shown = printable(told)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return "".join(_MEANT.get(char, char) for char in shown)


def _rate(result: TrialResult) -> str:
    if result.gflops is None:
        return text(result.status)
    ends = gflops_interval(result)
    told = f"{result.gflops:.1f}"
    return told if ends is None else f"{told} {{[}}{ends[0]:.1f}, {ends[1]:.1f}{{]}}"


def _speedup(speedup: Speedup | None) -> str:
    if speedup is None:
        return ""
    low, high = speedup.ci95
    return f"{speedup.ratio:.2f} {{[}}{low:.2f}, {high:.2f}{{]}}"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
