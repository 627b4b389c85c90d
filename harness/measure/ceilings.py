"""The host as an Architecture: its vector unit, effective caches and measured ceilings."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from compiler.problem.architecture import Architecture, CacheLevel
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import VectorUnit, vector_facts
from harness.lock_file import open_lock
from harness.measure.cache_steps import EffectiveLevel, effective_levels, found_sizes
from harness.measure.core_rates import Ceilings
from harness.measure.kept_ceilings import ceilings_file, keep, kept_ceilings
from harness.measure.looks import measured_ceilings
from harness.measure.sysfs import SystemCache, caches, siblings, text_of


def host_architecture(toolchain: Toolchain, core: int | None = None) -> Architecture:
    """The machine this runs on. Ceilings are measured once (5 s) and kept by fingerprint.

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
    kept = ceilings_file(toolchain)
    try:
        with os.fdopen(open_lock(kept.with_suffix(".lock"))) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # all who start together rank with the same ceilings
            ceilings = kept_ceilings(toolchain)
            if ceilings is None:
                ceilings = measured_ceilings(toolchain, core)
                keep(toolchain, ceilings)
    except OSError as error:
        raise EnvironmentProblem(
            f"the ceilings of this host cannot be kept in {toolchain.cache}: {error.strerror}"
        ) from error
    return ceilings


def _architecture(
    unit: VectorUnit,
    ceilings: Ceilings,
    told: tuple[SystemCache, ...],
    levels: tuple[EffectiveLevel, ...],
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
        fma_per_cycle=ceilings.core.fma_per_cycle,
        fma_latency=ceilings.core.fma_latency,
        loads_per_cycle=ceilings.core.loads_per_cycle,
        drain_cycles=ceilings.core.drain_cycles,
        embedded_broadcast=unit.embedded_broadcast,
        caches=tuple(found),
        cores=len(cores),
        sockets=max(1, len(packages)),
        peak=ceilings.peak,
        memory_bandwidth=ceilings.curve.rates[-1] * 1e-9,
    )
