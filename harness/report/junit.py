"""A comparison as JUnit's XML, which CI systems show: a test case for each pair.

What became slower beyond the threshold is a failure, what is inconclusive is skipped with the
reason, and what has no figure any more is an error. What differs between the campaigns stands among
the suite's properties.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from compiler.errors import printable
from harness.analysis.comparison import Compared, Comparison
from harness.analysis.intervals import Interval


def as_junit(found: Comparison) -> str:
    """One test suite. Characters that XML cannot hold are escaped as Python writes them."""
    slower = found.slower_means
    suite = Element(
        "testsuite",
        name=f"polydl compare {printable(found.one.name)} {printable(found.other.name)}",
        tests=str(len(found.pairs) + len(found.means)),
        failures=str(len(found.regressions) + len(slower)),
        errors=str(len(found.lost)),
        skipped=str(sum(_unsure(pair) for pair in found.pairs)),
    )
    properties = SubElement(suite, "properties")
    for one in found.differences:
        name = f"{one.aspect}: {printable(one.name)}"
        value = f"{printable(one.one)} -> {printable(one.other)}"
        SubElement(properties, "property", name=name, value=value)
    for pair in found.pairs:
        _case(suite, pair, found.threshold)
    for mean in found.means:
        where = {"classname": "geometric mean", "name": printable(mean.contender)}
        case = SubElement(suite, "testcase", where)
        if mean.verdict == "slower":
            SubElement(case, "failure", message=_slower(mean.ratio, found.threshold))
    indent(suite)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + tostring(suite, encoding="unicode") + "\n"


def _case(suite: Element, pair: Compared, threshold: float) -> None:
    where = {"classname": printable(pair.problem), "name": printable(pair.contender)}
    case = SubElement(suite, "testcase", where)
    reason = printable(pair.reason or "")
    if pair.ratio is None:
        kind = "error" if pair.one.seconds is not None else "skipped"
        SubElement(case, kind, message=reason)
        return
    told = f"ratio {_told(pair.ratio)} by {printable(pair.basis)}"
    if pair.verdict == "slower":
        SubElement(case, "failure", message=_slower(pair.ratio, threshold)).text = told
    elif pair.verdict == "inconclusive":
        SubElement(case, "skipped", message=f"{told}; {reason}" if reason else told)
    else:
        SubElement(case, "system-out").text = told


def _unsure(pair: Compared) -> bool:
    """Skipped: inconclusive, or without a figure in either campaign."""
    return pair.verdict == "inconclusive" or (pair.ratio is None and pair.one.seconds is None)


def _slower(ratio: Interval, threshold: float) -> str:
    return f"slower by more than {threshold:.0%}: {_told(ratio)}"


def _told(ratio: Interval) -> str:
    return f"{ratio.value:.3f} [{ratio.low:.3f} {ratio.high:.3f}]"
