"""What of a campaign is exported: for every problem the fastest kernel that stands alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.codegen.kernel import Kernel
from compiler.errors import CompilerError, shown
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.primitive import Primitive
from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.settings.recorded import problem_key, recorded_primitives

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
    primitives = recorded_primitives(folder) if measured else {}
    best = [next(_printed(name, own, primitives), None) for name, own in _by_problem(measured)]
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
    name: str, trials: Sequence[TrialResult], primitives: Mapping[str, Primitive]
) -> Iterator[ExportedKernel]:
    for result in trials:
        primitive = primitives.get(problem_key(result.problem))
        if primitive is None:
            log.warning("%s: its problem is not among the recorded ones", name)
            continue
        try:
            schedule = parse_schedule(result.schedule or "")
            kernel = compile_schedule(primitive, schedule, schedule.numerics)
        except CompilerError as error:
            log.warning("%s: %s's schedule is not taken today: %s", name, result.contender, error)
            continue
        if kernel.libraries:
            continue
        if kernel.hash != result.kernel:
            told = "%s: its kernel is printed otherwise than when it was measured (%s, now %s)"
            log.warning(told, name, result.kernel, kernel.hash)
        yield ExportedKernel(name, primitive, kernel, result)
