"""Results as the rows of a review: problems, hosts, trials with their ratios and causes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod

from compiler.problem.primitive import Primitive
from harness.analysis.groups import ProblemRows
from harness.analysis.review.causes import cause, model_ratio
from harness.analysis.review.document import Ceilings, Problem, Ratio, Trial
from harness.analysis.summary import gflops_interval, peak_of, share_of_peak
from harness.analysis.time_to_solution import TUNER
from harness.record.result import TrialResult
from harness.record.typed import MOST

PrimitiveOf = Callable[[Mapping[str, object]], Primitive | None]
ELEMENT_BYTES = 4  # float32
_COUNTED = re.compile(r"(.+) in (\d+) of (\d+) samples")


def problem_row(rows: ProblemRows, primitive_of: PrimitiveOf) -> Problem:
    facts = rows.results[0].problem
    sizes = facts.get("sizes")
    primitive = primitive_of(facts)
    return Problem(
        label=rows.label,
        network=str(facts.get("workload") or facts.get("primitive") or "problem"),
        primitive=str(facts.get("primitive", "")),
        sizes=" ".join(f"{k}={v}" for k, v in sizes.items()) if isinstance(sizes, Mapping) else "",
        flops=_positive(facts.get("flops")),
        bytes=None if primitive is None else _bytes(primitive),
    )


def _positive(value: object) -> float | None:
    """What a logarithmic axis can show; None for anything else that a record may hold."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST:
        return float(value)
    return None


def _bytes(primitive: Primitive) -> int:
    """Of every tensor that the caller sees, read or written once."""
    seen = (tensor for tensor in primitive.tensors if tensor.role != "temporary")
    return ELEMENT_BYTES * sum(prod(tensor.shape) for tensor in seen)


def ceilings_row(result: TrialResult) -> Ceilings:
    """Of the result's node; without levels where an older version did not record them."""
    held = result.host.get("architecture")
    caches = held.get("caches") if isinstance(held, Mapping) else None
    levels: dict[str, float] = {}
    for cache in caches if isinstance(caches, list) else ():
        if isinstance(cache, Mapping) and (rate := _positive(cache.get("bandwidth"))) is not None:
            levels[str(cache.get("name"))] = rate
    if (rate := _positive(result.host.get("memory_bandwidth"))) is not None:
        levels["memory"] = rate
    return Ceilings(result.node, peak_of(result), levels)


def trial_row(result: TrialResult, unit: Sequence[TrialResult], problem: int, host: int) -> Trial:
    """`unit` are all results of the problem, this one among them."""
    taken, found, rates = result.seconds, result.estimate, gflops_interval(result)
    tuned = result.kind == "strategy" or TUNER in result.versions
    return Trial(
        trial=result.trial,
        problem=problem,
        host=host,
        contender=result.contender,
        kind=result.kind,
        status=result.status,
        stage=result.stage,
        reason=result.reason,
        threads=result.threads,
        cache=result.cache,
        gflops=result.gflops,
        gflops_ci95=rates,
        share=share_of_peak(result),
        of_roofline=_positive(result.of_roofline),
        roofline_bound=None if result.roofline is None else result.roofline.bound,
        seconds=None if taken is None else taken.median,
        ratios=_ratios(result, unit),
        predicted=result.predicted_seconds,
        model=model_ratio(result),
        bound=None if found is None else found.bound,
        moved={} if found is None else found.bytes,
        noise=result.noise,
        flagged=_flagged(result.flags),
        drift=(min(result.drift), max(result.drift)) if result.drift else None,
        error=result.max_error,
        tolerance=result.tolerance,
        tuning=result.tuning_seconds.total if tuned else None,
        tuner=result.versions.get(TUNER),
        node=result.node,
        slot=",".join(map(str, result.cores)),
        started=result.started,
        ended=result.ended,
        quality=result.quality,
        kernel=result.kernel,
    )


def _ratios(result: TrialResult, unit: Sequence[TrialResult]) -> dict[str, Ratio]:
    beside = [r for r in unit if r.kind == "strategy" and r.contender != result.contender]
    known = {r.contender: r for r in unit}
    return {
        name: Ratio(
            s.ratio, s.ci95, s.verdict, s.noise, s.reason, cause(result, known.get(name), beside)
        )
        for name, s in result.speedup.items()
    }


def _flagged(flags: Sequence[str]) -> dict[str, float]:
    """`steal in 3 of 60 samples`: a record's flags count them; its notes do not."""
    found = {}
    for flag in flags:
        if (told := _COUNTED.fullmatch(flag)) is not None and int(told[3]) > 0:
            found[told[1]] = int(told[2]) / int(told[3])
    return found
