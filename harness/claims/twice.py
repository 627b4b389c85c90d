"""The same problems measured at two times: whether verdicts hold."""

from __future__ import annotations

from dataclasses import dataclass

from harness.claims.records import Records, Selection, Unanswered
from harness.record.result import Speedup

CONTRARY = {("faster", "slower"), ("slower", "faster")}


@dataclass(frozen=True)
class TwiceOptions(Selection):
    """`other` is the second campaign's folder, beside the first one's."""

    contenders: tuple[str, ...] = ("roofline",)
    baseline: str = "onednn"
    other: str = ""


@dataclass(frozen=True)
class Pair:
    """A contender's ratio on one problem, at both times."""

    problem: str
    contender: str
    first: Speedup
    second: Speedup

    @property
    def contradicts(self) -> bool:
        """Faster at one time and slower at the other."""
        return (self.first.verdict, self.second.verdict) in CONTRARY


def pairs_of(records: Records, of: TwiceOptions) -> list[Pair]:
    """Of every problem that both campaigns have. Raises Unanswered where there is none."""
    second = dict(Records.of(records.folder.path.parent / of.other).problems(of))
    found = [
        Pair(label, name, unit[name].speedup[of.baseline], again[name].speedup[of.baseline])
        for label, unit in records.problems(of)
        if (again := second.get(label)) is not None
        for name in of.contenders
        if name in unit and name in again
        if of.baseline in unit[name].speedup and of.baseline in again[name].speedup
    ]
    if not found:
        raise Unanswered(f"nothing is recorded at both times, here and in {of.other}")
    return found
