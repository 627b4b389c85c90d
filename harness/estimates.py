"""What a unit will take, before it is run: bytes of memory, seconds of wall time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.problem.primitive import Primitive
from harness.errors import SettingsError
from harness.record.result import FEW_AGAIN
from harness.unit import Unit

GIB = 2**30
_COMPILE_SECONDS = 0.2  # of a kernel, with others beside it
_TRIAL_SECONDS = 2.5  # of a baseline's tuner
_REFERENCE_RATE = 5e9  # flops a second of computing all rounds
_START_SECONDS = 1.5  # analysis, inputs, reference and verification of a unit
_CHILD_SECONDS = 0.3  # a child of a report tier with many, until it can be timed


def tensor_bytes(primitive: Primitive) -> int:
    """Bytes of all the tensors that a caller hands over or receives."""
    return sum(t.bytes for t in primitive.tensors if t.role != "temporary")


def reference_bytes(primitive: Primitive) -> int:
    """A bound of what the process that computes a problem's rounds holds.

    Of inputs: the float round's, the integers of the exact rounds (a byte each for the sums that
    are so long that inputs are large) and one of these in float32; blocks in float64 are small. Of
    what is written: values in float64 with their magnitudes, and what each round expects.
    """
    written = {statement.target.tensor for statement in primitive.statements}
    return sum(t.bytes * (8 if t.name in written else 4) for t in primitive.tensors)


def check_memory(unit: Unit, free_bytes: int) -> None:
    """Refuse a unit whose tensors do not fit the node's free memory.

    Each contender's process holds the tensors of one round packed, between guard pages, and while
    it packs them row-major. Before any of them starts the reference is computed, in a process of
    its own (see `reference_bytes`).
    """
    primitive = unit.problem.primitive
    one = tensor_bytes(primitive)
    needed = max(one * (2 * len(unit.contenders) + 2), reference_bytes(primitive))
    if needed > free_bytes:
        raise SettingsError(
            f"{unit.problem.name}: its tensors take {one / GIB:.1f} GiB, with the copies of "
            f"{len(unit.contenders)} contenders and the reference {needed / GIB:.1f} GiB, "
            f"but {free_bytes / GIB:.1f} GiB of memory are free"
        )


def estimated_seconds(unit: Unit) -> float:
    """A rough wall time of one unit: compilation, search, and the report tier's budget."""
    measure = unit.measure
    candidates = sum(int(str(c.options.get("k", 1))) for c in unit.strategies)
    again = sum(_again_seconds(c.options, unit) for c in unit.strategies if c.method == "survey")
    tuning = sum(_tuning_seconds(contender.options) for contender in unit.baselines)
    search = measure.search_samples * measure.search_sample_seconds * 4 * measure.search_passes
    return (
        _START_SECONDS
        + unit.problem.primitive.flops / _REFERENCE_RATE
        + candidates * (_COMPILE_SECONDS + search)
        + measure.budget_seconds
        + tuning
        + again
        + len(unit.contenders) * measure.processes * 0.1
    )


def _again_seconds(options: Mapping[str, Any], unit: Unit) -> float:
    """Of a survey: the fastest, three choices of each ranking, and five that are drawn."""
    if not options["again"]:
        return 0.0
    measure = unit.measure
    timed = int(options["again"]) + 3 * len(options["rankings"]) + FEW_AGAIN
    burst = measure.settle_seconds + measure.samples_per_burst * measure.sample_seconds
    blocks = 2 * measure.min_blocks * burst  # a permutation and its mirror each
    return min(timed, int(options["k"])) * measure.processes * (_CHILD_SECONDS + blocks)


def _tuning_seconds(options: Mapping[str, Any]) -> float:
    """Of a baseline that tunes, as long as nothing of it is kept."""
    if "trials" not in options:
        return 0.0
    return min(float(options["budget_seconds"]), float(options["trials"]) * _TRIAL_SECONDS)
