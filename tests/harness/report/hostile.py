"""Texts that would act where they are not shown as text: in HTML, Markdown, XML, LaTeX, sheets."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.recorded import Recorded
from harness.record.result import TrialResult
from tests.harness.analysis.past import campaign

TEXTS = (
    '<script>alert("1")</script>',
    "<img src=x onerror=alert(1)>",
    "a | b || `c` **d** [e](http://f.g) ![h](i) ~~j~~ $k$",
    "# heading\n\n- list\r\n| table |",
    "=HYPERLINK(A1)",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "]]> --> &amp; &lt; '\"",
    "\\input{/etc/passwd} $x$ 100% #1 _y_ ^z^ ~w~ {v} \\\\[2em]",
    "[1em] first in a row",
    "*starred",
    "\x1b[31mred\x00\ufffe\u202e",
    "1. one",
    "x" * 10_000,
    "https://example.org www.example.org @someone #123",
    "größer 模型 🚀",
)


def hostile(name: str = "hostile") -> Recorded:
    """A campaign in which all that comes from outside is one of these texts."""
    results: list[TrialResult] = []
    for number, text in enumerate(TEXTS):
        base = campaign(name, problems=(f"p{number}",)).results
        for result in base:
            results.append(
                replace(
                    result,
                    trial=f"{number}-{result.contender}",
                    problem={**result.problem, "name": text, "workload": text},
                    node=text,
                    flags=(text,),
                    host={**result.host, "cpu": text, "name": text},
                    versions={**result.versions, "note": text},
                )
            )
        results.append(
            replace(
                base[0],
                trial=f"{number}-bad",
                contender=text,
                problem={**base[0].problem, "name": text},
                status="failed",
                stage="verify",
                reason=text,
                seconds=None,
                gflops=None,
                speedup={},
            )
        )
    return Recorded(name, tuple(results))
