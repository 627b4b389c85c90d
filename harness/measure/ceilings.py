"""The host as an Architecture: its vector unit, effective caches and measured ceilings."""

from __future__ import annotations

import fcntl
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from compiler.problem.architecture import Architecture, CacheLevel
from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import VectorUnit, vector_facts
from harness.lock_file import open_lock
from harness.measure.cache_steps import Curve, Level, effective_levels, found_sizes
from harness.measure.child import Child, ChildSettings
from harness.measure.host import fingerprint
from harness.measure.native import timing_library
from harness.measure.slot import Slot
from harness.measure.sysfs import SystemCache, caches, siblings, text_of
from harness.outside import json_of
from harness.own_files import own_bytes, put

SOURCE = Path(__file__).with_name("ceilings.c")
SMALLEST, LARGEST = 8 << 10, 128 << 20  # bytes, working sets of the bandwidth curve
PEAK_SECONDS, BANDWIDTH_SECONDS, PASSES = 0.3, 1.2, 4
TIME_LIMIT = 30.0  # seconds of wall time for either


@dataclass(frozen=True)
class Ceilings:
    """Of one core: GFLOP/s in fp32, and a curve of read bandwidth."""

    peak: float
    curve: Curve


def host_architecture(toolchain: Toolchain, core: int | None = None) -> Architecture:
    """The machine this runs on. Ceilings are measured once (2 s) and kept by fingerprint.

    `core` is the logical processor to measure on, by default the last one allowed. Raises
    EnvironmentProblem when there is no compiler or the measurement fails.
    """
    chosen = max(os.sched_getaffinity(0)) if core is None else core
    unit = vector_facts()
    ceilings = host_ceilings(toolchain, chosen)
    told = caches(chosen)
    if told:
        levels = effective_levels(ceilings.curve, [cache.bytes for cache in told])
    else:
        levels = effective_levels(ceilings.curve, found_sizes(ceilings.curve))
    return _architecture(unit, ceilings, told, levels)


def host_ceilings(toolchain: Toolchain, core: int) -> Ceilings:
    """Measured on `core`, or what was measured before on such a host."""
    known = kept_ceilings(toolchain)
    if known is not None:
        return known
    kept = _file(toolchain)
    try:
        with os.fdopen(open_lock(kept.with_suffix(".lock"))) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # all who start together rank with the same ceilings
            ceilings = kept_ceilings(toolchain)
            if ceilings is None:
                ceilings = _measured(toolchain, core)
                put(kept, json.dumps(_as_json(ceilings)).encode())
    except OSError as error:
        raise EnvironmentProblem(
            f"the ceilings of this host cannot be kept in {toolchain.cache}: {error.strerror}"
        ) from error
    return ceilings


def kept_ceilings(toolchain: Toolchain) -> Ceilings | None:
    """What was measured before on such a host; None where that is nothing, or no measurement.

    Of the same working sets, and all rates positive numbers: else it is measured again.
    """
    text = own_bytes(_file(toolchain))
    if text is None:
        return None
    try:
        held = json_of(text.decode())
        peak, *rates = (_rate(value) for value in (held["peak"], *held["rates"]))
        if held["sizes"] != list(working_sets()) or len(rates) != len(held["sizes"]):
            raise ValueError("other working sets")
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return Ceilings(peak, Curve(working_sets(), tuple(rates)))


def _file(toolchain: Toolchain) -> Path:
    return toolchain.cache / f"ceilings-{fingerprint()}.json"


def _rate(value: object) -> float:
    """Raises ValueError for what is no rate."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")
    if not 0 < value < math.inf:  # neither is a NaN
        raise ValueError("no rate")
    return float(value)


def _as_json(ceilings: Ceilings) -> dict[str, object]:
    curve = ceilings.curve
    return {"peak": ceilings.peak, "sizes": curve.sizes, "rates": curve.rates}


def working_sets() -> tuple[int, ...]:
    """Two sizes an octave, multiples of eight vectors of any width."""
    sizes, size = [], float(SMALLEST)
    while size <= LARGEST:
        sizes.append(int(size) // 512 * 512)
        size *= 2**0.5
    return tuple(sizes)


def _measured(toolchain: Toolchain, core: int) -> Ceilings:
    text = f"#define VECTOR_BYTES {vector_facts().bytes}\n{SOURCE.read_text()}"
    library = build(text, False, toolchain)
    timer = timing_library(toolchain)
    if isinstance(library, Failure):
        raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {library}")
    if isinstance(timer, Failure):
        raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {timer}")
    settings = ChildSettings(Slot((core,)), timer, module="harness.measure.ceilings_worker")
    sizes = working_sets()
    with Child(settings) as child:
        path = str(library.path)
        peaks = [child.request("peak", TIME_LIMIT, library=path, seconds=PEAK_SECONDS)]
        curve = child.request(
            "bandwidth",
            TIME_LIMIT,
            library=path,
            sizes=sizes,
            seconds=BANDWIDTH_SECONDS,
            passes=PASSES,
        )
        # Again, a second later: a neighbour's burst must not stay in the cache as this core's peak.
        peaks.append(child.request("peak", TIME_LIMIT, library=path, seconds=PEAK_SECONDS))
    operations = 0.0
    for reply in peaks:
        if isinstance(reply, Failure):
            raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {reply}")
        operations = max(operations, reply["operations"])
    if isinstance(curve, Failure):
        raise EnvironmentProblem(f"the ceilings of this host cannot be measured: {curve}")
    return Ceilings(operations * 1e-9, Curve(sizes, tuple(curve["rates"])))


def _architecture(
    unit: VectorUnit,
    ceilings: Ceilings,
    told: tuple[SystemCache, ...],
    levels: tuple[Level, ...],
) -> Architecture:
    found = []
    for index, level in enumerate(levels):
        known = told[index] if told else None
        threads = len(siblings(known.processors[0])) if known else 1
        found.append(
            CacheLevel(
                name=f"L{index + 1}",
                bytes=level.bytes,
                line=known.line if known else 64,
                ways=max(1, known.ways) if known else 8,
                shared_by=max(1, len(known.processors) // threads) if known else 1,
                bandwidth=None if level.rate is None else level.rate * 1e-9,
            )
        )
    processors = sorted(os.sched_getaffinity(0))
    cores = {siblings(p)[0] for p in processors}
    root = Path("/sys/devices/system/cpu")
    packages = {text_of(root / f"cpu{p}/topology/physical_package_id") for p in processors}
    return Architecture(
        name="host",
        isa=unit.isa,
        vector_bytes=unit.bytes,
        vector_registers=unit.registers,
        fma_per_cycle=2,
        embedded_broadcast=unit.embedded_broadcast,
        caches=tuple(found),
        cores=len(cores),
        sockets=max(1, len(packages)),
        peak=ceilings.peak,
        memory_bandwidth=ceilings.curve.rates[-1] * 1e-9,
    )
