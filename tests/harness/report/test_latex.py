from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from compiler.errors import printable
from harness.report.latex import LONGEST, as_latex, text
from tests.harness.analysis.past import campaign
from tests.harness.report.hostile import hostile

# What the printer writes for a character, undone. All else that means something is left over.
WRITTEN = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textasciigrave{}": "`",
    r"\char34{}": '"',
    r"\char39{}": "'",
}
TOKEN = re.compile(r"\\[a-z]+\d*\{\}|\\[&%$#_{}]|\{[^{}\\]\}|[^\\{}&%$#_~^]")


def undone(latex: str) -> str:
    """The text that LaTeX would set; fails where anything but text is left."""
    found = TOKEN.findall(latex)
    assert "".join(found) == latex
    return "".join(
        WRITTEN.get(token) or (token[1:2] if len(token) > 1 else token) for token in found
    )


@given(st.text(max_size=50))
def test_every_character_stands_for_itself(told: str) -> None:
    shown = printable(told)
    wanted = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    assert undone(text(told)) == wanted
    assert not text(told).startswith(("[", "*"))  # would be the row break's option


def test_a_row_for_each_trial_with_intervals() -> None:
    lines = as_latex(campaign().results).splitlines()
    assert lines[0] == r"\begin{tabular}{llrr}" and lines[-1] == r"\end{tabular}"
    assert lines[2] == r"problem & contender & GFLOP/s & x onednn \\"
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 1 + 6 and all(row.count(" & ") == 3 for row in rows)
    first = rows[1]
    assert first.startswith(r"conv\_a & roofline & ") and "{[}" in first
    assert rows[2].startswith(" & top\\_k & ")  # a problem is named once


def test_hostile_records_are_text() -> None:
    results = [replace(r, contender=str(r.problem["name"])) for r in hostile().results if r.gflops]
    rows = [line for line in as_latex(results).splitlines() if line.endswith(r" \\")]
    for row in rows:
        assert not re.match(r"\s*[\[*]", row)
        for told in row.removesuffix(r" \\").split(" & ")[:2]:
            undone(told)
