"""The commands that repeat, explain and cross-check one trial, to be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping

from harness.record.result import TrialResult

Quote = Callable[[str], str]  # a text as the value of an override, as harness.settings has it


def commands_of(campaign: str, result: TrialResult, quote: Quote) -> tuple[tuple[str, str], ...]:
    """(what for, command); `campaign` is its folder or name."""
    found = []
    if result.schedule is not None:
        found.append(("repeat", repetition(campaign, result, quote)))
        schedule = f"schedule={result.schedule}"
        found.append(("explain", shlex.join(["polydl", "explain", *_problem(result), schedule])))
    found.append(("show", shlex.join(["polydl", "show", campaign, result.trial])))
    if benchdnn := result.problem.get("benchdnn"):
        found.append(("cross-check", f"benchdnn --mode=P {benchdnn}"))
    return tuple(found)


def repetition(campaign: str, result: TrialResult, quote: Quote) -> str:
    """The command that measures this schedule again."""
    source = f"{campaign}:{result.trial}"
    if quote(campaign) != campaign:  # a trial's id alone needs no quotes
        source = quote(source)
    words = [*_problem(result), "strategy=fixed", f"strategy.fixed.from={source}"]
    if result.cache != "hot":
        words.append(f"measure.cache={result.cache}")
    return shlex.join(["polydl", "run", *words])


def _problem(result: TrialResult) -> Iterator[str]:
    """With all of its sizes: whatever the workload's were set to, and whoever loaded it."""
    yield f"primitive={result.problem.get('primitive')}"
    sizes = result.problem.get("sizes")
    if isinstance(sizes, Mapping) and sizes:
        told = ", ".join(f"{name}: {value}" for name, value in sizes.items())
        yield f"primitive.sizes={{{told}}}"
    if result.threads > 1:
        yield f"threads={result.threads}"
