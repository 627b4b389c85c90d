"""Looking at a core: its peak, clock, latency, microkernels and bandwidths, in a pinned child."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.codegen.kernel import Kernel
from compiler.problem.architecture import Architecture
from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import kernel_spec
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import VectorUnit, vector_facts
from harness.measure.cache_steps import Curve, curve_sizes
from harness.measure.child import Child, ChildSettings
from harness.measure.core_rates import AGREEMENT, Ceilings, Look, best_look, core_rates, spread
from harness.measure.native import timing_library
from harness.measure.probes import probes
from harness.measure.slot import Slot

SOURCE = Path(__file__).with_name("ceilings.c")
PEAK_SECONDS, KERNEL_SECONDS = 0.2, 0.01  # of one look
BANDWIDTH_SECONDS, PASSES = 1.2, 4
LOOKS, MOST_LOOKS = 2, 5
TIME_LIMIT = 30.0  # seconds of wall time for one request


@dataclass(frozen=True)
class Seconds:
    """Least seconds of a cycle and of a call of each kernel, seen in turn on one core."""

    cycle: float
    kernels: tuple[float, ...]


def seconds_of(kernels: Sequence[Mapping[str, object]], toolchain: Toolchain, core: int) -> Seconds:
    """Of generated kernels that were built. Raises EnvironmentProblem that says what failed."""
    timer, library = _known(timing_library(toolchain)), str(_known(native_library(toolchain)))
    settings = ChildSettings(Slot((core,)), timer, module="harness.measure.ceilings_worker")
    with Child(settings) as child:
        seen = [_look(child, library, kernels) for _ in range(LOOKS)]
    calls = zip(*(one["kernels"] for one in seen), strict=True)
    return Seconds(min(one["cycle"] for one in seen), tuple(map(min, calls)))


def measured_ceilings(toolchain: Toolchain, core: int) -> Ceilings:
    """Of a logical processor, in about 5 s. Raises EnvironmentProblem that says what failed."""
    timer = _known(timing_library(toolchain))
    library = str(_known(native_library(toolchain)))
    machine = _unmeasured(vector_facts())
    probed = probes(machine)
    kernels = [_built(probe.kernel(machine), toolchain) for probe in probed]
    settings = ChildSettings(Slot((core,)), timer, module="harness.measure.ceilings_worker")
    sizes = curve_sizes()

    with Child(settings) as child:

        def look() -> Look:
            seen = _look(child, library, kernels)
            return Look(seen["operations"], seen["cycle"], seen["latency"], tuple(seen["kernels"]))

        looks = [look()]
        curve = _answer(
            child.request(
                "bandwidth",
                TIME_LIMIT,
                library=library,
                sizes=sizes,
                seconds=BANDWIDTH_SECONDS,
                passes=PASSES,
            )
        )
        # Again, a second later: a burst of a neighbour must not stay in the cache as its speed.
        while len(looks) < LOOKS or (len(looks) < MOST_LOOKS and spread(looks) > AGREEMENT):
            looks.append(look())
    best = best_look(looks)
    rates = core_rates(machine, probed, best, spread(looks))
    return Ceilings(best.operations * 1e-9, Curve(sizes, tuple(curve["rates"])), rates)


def _look(child: Child, library: str, kernels: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    return _answer(
        child.request(
            "look",
            TIME_LIMIT,
            library=library,
            kernels=kernels,
            peak_seconds=PEAK_SECONDS,
            kernel_seconds=KERNEL_SECONDS,
        )
    )


def native_library(toolchain: Toolchain) -> Path | Failure:
    """ceilings.c for this host's vectors."""
    text = f"#define VECTOR_BYTES {vector_facts().bytes}\n{SOURCE.read_text()}"
    built = build(text, False, toolchain)
    return built if isinstance(built, Failure) else built.path


def _built(kernel: Kernel, toolchain: Toolchain) -> dict[str, object]:
    built = build(kernel.text, kernel.openmp, toolchain)
    return kernel_spec(kernel, _known(built if isinstance(built, Failure) else built.path))


def _known(path: Path | Failure) -> Path:
    if isinstance(path, Failure):
        raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {path}")
    return path


def _answer(reply: dict[str, Any] | Failure) -> dict[str, Any]:
    if isinstance(reply, Failure):
        raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {reply}")
    return reply


def _unmeasured(unit: VectorUnit) -> Architecture:
    """The host as far as it is told: what probes are made for."""
    return Architecture(
        name="host",
        isa=unit.isa,
        vector_bytes=unit.bytes,
        vector_registers=unit.registers,
        embedded_broadcast=unit.embedded_broadcast,
    )
