"""What of a campaign is exported: for every problem the fastest kernel that stands alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.codegen.kernel import Kernel
from compiler.errors import CompilerError, shown
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.names import IDENTIFIER
from compiler.problem.primitive import Primitive
from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.settings.recorded import problem_key, recorded_forms

log = logging.getLogger("polydl")


@dataclass(frozen=True)
class ExportedKernel:
    """A kernel with its problem and the trial that measured it; `name` is its own in the library.

    It is printed anew from the recorded schedule: the buffers it is called with are those of this
    version.
    """

    name: str
    primitive: Primitive
    kernel: Kernel
    result: TrialResult


def exported(folder: CampaignFolder) -> tuple[ExportedKernel, ...]:
    """One for each problem and number of threads. Raises RecordError where there is none.

    Kernels that call a library, and those that this version cannot print, give way to the next
    fastest of the problem; the log tells of the latter.
    """
    results = [r for r in folder.results() if r.kind == "strategy"]
    measured = [r for r in results if r.status == "ok" and r.schedule and r.seconds is not None]
    forms = recorded_forms(folder) if measured else {}
    if measured and not forms:
        raise RecordError(
            f"{shown(folder.name, 80)}: nothing to export: its configuration (campaign.yaml), "
            "which says what the problems compute, was not recorded"
        )
    best = [next(_printed(name, own, forms), None) for name, own in _by_problem(measured)]
    found = tuple(one for one in best if one is not None)
    if not found:
        raise RecordError(
            f"{shown(folder.name, 80)}: nothing to export: of {len(results)} trials of strategies "
            f"{len(measured)} are ok, and none has a kernel that stands alone"
        )
    return found


def _by_problem(results: Sequence[TrialResult]) -> list[tuple[str, list[TrialResult]]]:
    """Fastest first, with the name in the library: the problem's, with threads where they differ.

    Problems of one name, as several starts of a campaign may leave them, are several.
    """
    several = len({r.threads for r in results}) > 1
    found: dict[tuple[str, str], list[TrialResult]] = {}
    for result in sorted(results, key=_seconds):
        threads = f"_{result.threads}_threads" if several else ""
        name = f"{result.problem.get('name')}{threads}"
        found.setdefault((name, problem_key(result.problem)), []).append(result)
    return [(name, own) for (name, _), own in sorted(found.items())]


def _seconds(result: TrialResult) -> float:
    return float("inf") if result.seconds is None else result.seconds.median


def _printed(
    name: str, trials: Sequence[TrialResult], forms: Mapping[str, Sequence[Primitive]]
) -> Iterator[ExportedKernel]:
    if not IDENTIFIER.match(name):  # a record is anybody's, and a name stands in a Makefile
        log.warning("%s: it names no C function, and is left out", shown(name))
        return
    for result in trials:
        own = [_compiled(name, form, result) for form in forms.get(problem_key(result.problem), ())]
        found = [one for one in own if isinstance(one, ExportedKernel)]
        if not found:
            why = (
                f"{result.contender}'s schedule is not taken today: {own[-1]}" if own else _UNKNOWN
            )
            log.warning("%s: %s", name, why)
            continue
        same = [one for one in found if one.kernel.hash == result.kernel]
        if not same:
            told = "%s: its kernel is printed otherwise than when it was measured (%s, now %s)"
            log.warning(told, name, result.kernel, found[-1].kernel.hash)
        if not same and len(own) > 1:  # which of the problems was measured, nothing tells
            continue
        one, *_ = same or found
        if not one.kernel.libraries:
            yield one


_UNKNOWN = "its problem is not among the recorded ones"


def _compiled(
    name: str, primitive: Primitive, result: TrialResult
) -> ExportedKernel | CompilerError:
    try:
        schedule = parse_schedule(result.schedule or "")
        kernel = compile_schedule(primitive, schedule, schedule.numerics)
    except CompilerError as error:
        return error
    return ExportedKernel(name, primitive, kernel, result)
