"""What this host offers, what is missing with the command that mends it, and how noisy it is.

Advice only: nothing is changed, except that measured ceilings and built probes are cached.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from compiler.errors import shown
from compiler.problem.architecture import Architecture
from harness.baseline.baseline import Missing
from harness.baseline.builders import availability, known_builders
from harness.choices import Exclusive
from harness.cluster.neighbour import NOISY, share_disturbed
from harness.cluster.node import Share, share_of
from harness.cluster.pinning import pinning_here
from harness.cluster.slots import RUN_LOCK, lock_folder
from harness.errors import HarnessError
from harness.extras import installing
from harness.kernel.c_compiler import NoCompiler
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from harness.measure.ceilings import host_architecture
from harness.measure.host import host_facts
from harness.measure.kept_ceilings import kept_ceilings
from harness.measure.slot import Slot

Verdict = Literal["ok", "advice", "missing"]
MIB, GIB = 2**20, 2**30
_PACKAGES = ("ray", "mlflow")  # that a campaign may want
NEIGHBOUR = "busy neighbour"
_BUSY = 0.5  # load of other work, in cores


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; `advice` says what would mend or improve it."""

    topic: str
    value: str
    verdict: Verdict = "ok"
    advice: str = ""
    bars: bool = False  # nothing can be measured here until it is mended


def examined(
    threads: int,
    toolchain: Toolchain,
    cores: tuple[int, ...] | None,
    exclusive: Exclusive = "core",
) -> list[Finding]:
    """Everything worth knowing before a campaign. Takes about 5 s, of which 3 measure."""
    findings = [*_host(), *_memory(toolchain.cache)]
    share = share_of(cores, exclusive)
    findings += _slots(share, threads)
    findings += [
        Finding(one.topic, one.value, "advice" if one.advice else "ok", one.advice)
        for one in pinning_here()
    ]
    compiler = toolchain.found
    if isinstance(compiler, NoCompiler):
        findings.append(Finding("C compiler", "none", "missing", compiler.reason, bars=True))
    else:
        findings.append(Finding("C compiler", f"{compiler.version} ({compiler.path})"))
        findings += _measured("ceilings", lambda: _ceilings(toolchain, share), bars=True)
        findings += _measured(NEIGHBOUR, lambda: _neighbour(toolchain, share))
    return [*findings, *_noise(), *_extras(), *_baselines(toolchain)]


def noise_told(cost: float | None) -> str:
    """What a busy neighbour costs, and whether that is too much."""
    if cost is None:
        return "unknown"
    return f"{100 * cost:.1f} %" + (" noisy" if cost > NOISY else "")


def _host() -> Iterable[Finding]:
    facts, unit = host_facts(), vector_facts()
    yield Finding("processor", str(facts["cpu"]))
    yield Finding("vectors", f"{8 * unit.bytes} bits, {unit.registers} registers, {unit.isa}")
    yield Finding("system", f"Linux {facts['kernel']}, {facts['logical_cores']} logical cores")
    for topic, wanted, advice in (
        ("governor", "performance", "cpupower frequency-set -g performance steadies clocks"),
        ("turbo", "off", "absolute times vary with turbo; ratios are taken in pairs and hold"),
    ):
        value = str(facts[topic])
        settled = value in (wanted, "unknown")
        yield Finding(topic, value, "ok" if settled else "advice", "" if settled else advice)


def _memory(cache: Path) -> Iterable[Finding]:
    free = psutil.virtual_memory().available
    yield Finding("memory", f"{free / GIB:.1f} GiB free")
    disk = shutil.disk_usage(cache).free
    low = disk < GIB
    advice = f"free some space below {cache}" if low else ""
    yield Finding("disk", f"{disk / GIB:.1f} GiB free", "advice" if low else "ok", advice)


def _slots(share: Share, threads: int) -> Iterable[Finding]:
    topology = share.topology
    smt = ", SMT siblings are left idle" if topology.smt else ""
    numa = len(topology.numa_nodes)
    yield Finding("cores", f"{len(topology.cores)} physical, {numa} NUMA nodes{smt}")
    slots = share.slots(threads)
    shown = slots_shown(slots)
    shared = slots[0].quality == "shared"
    yield Finding(
        "slots",
        f"{len(slots)} of {threads} cores: {shown}",
        "advice" if shared else "ok",
        "too few cores to keep one for other work: results are tagged shared" if shared else "",
    )
    if lock_folder() != RUN_LOCK:
        advice = f"{RUN_LOCK} is not writable: other users' campaigns cannot be seen"
        yield Finding("core locks", str(lock_folder()), "advice", advice)
    elif Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        advice = f"other containers are only seen when they share {RUN_LOCK}"
        yield Finding("core locks", str(RUN_LOCK), "advice", advice)
    else:
        yield Finding("core locks", str(RUN_LOCK))


def slots_shown(slots: Sequence[Slot]) -> str:
    """`1+2, 4+5`, with what a slot claims beyond its cores."""
    return ", ".join(
        "+".join(map(str, slot.cores)) + (f" claiming {len(slot.claims)}" if wider else "")
        for slot in slots
        for wider in [len(slot.claims) > len(slot.cores)]
    )


def _ceilings(toolchain: Toolchain, share: Share) -> Iterable[Finding]:
    host = host_architecture(toolchain, share.slots(1)[-1].cores[0])
    yield Finding("peak", f"{host.peak:.1f} GFLOP/s on one core")
    yield _core(toolchain)
    yield Finding("caches", _caches(host))
    yield Finding("memory bandwidth", f"{host.memory_bandwidth or 0:.1f} GB/s by one core")


def _core(toolchain: Toolchain) -> Finding:
    """What the rankings count with, and whether it was seen twice."""
    ceilings = kept_ceilings(toolchain)
    if ceilings is None:
        return Finding("core", "unknown", "advice", "its rates could not be kept in the cache")
    core = ceilings.core
    return Finding(
        "core",
        f"{core.hertz * 1e-9:.2f} GHz, {core.fma_per_cycle} multiply-adds a cycle of latency "
        f"{core.fma_latency}, {core.loads_per_cycle:.2f} loads a cycle, a drain of "
        f"{core.drain_cycles:.0f} cycles",
        "ok" if core.steady else "advice",
        ""
        if core.steady
        else f"two looks differed by {core.spread:.0%}; measure again on a quiet machine: "
        "polydl clean --yes builds",
    )


def _caches(host: Architecture) -> str:
    return ", ".join(
        f"{level.name} {level.bytes / 1024:.0f} KiB at {level.bandwidth or 0:.0f} GB/s"
        for level in host.caches
    )


def _neighbour(toolchain: Toolchain, share: Share) -> Iterable[Finding]:
    cost = share_disturbed(toolchain, share)
    if cost is None:
        yield Finding(NEIGHBOUR, "none here: one core")
        return
    noisy = cost > NOISY
    yield Finding(
        NEIGHBOUR,
        f"costs {100 * cost:.1f} % of a core's peak",
        "advice" if noisy else "ok",
        "cores share power or pipelines here; measure with the others idle" if noisy else "",
    )


def _noise() -> Iterable[Finding]:
    load = os.getloadavg()[0]
    busy = load > _BUSY
    yield Finding(
        "load",
        f"{load:.2f} over the last minute",
        "advice" if busy else "ok",
        "other work is running; results will carry its marks" if busy else "",
    )


def _extras() -> Iterable[Finding]:
    for package in _PACKAGES:
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "none", "missing", installing(package))


def _baselines(toolchain: Toolchain) -> Iterable[Finding]:
    for name in known_builders():
        found = availability(name, {}, toolchain)
        if isinstance(found, Missing):
            yield Finding(f"baseline {name}", found.reason, "missing", found.command)
        else:
            yield Finding(f"baseline {name}", found.version)


def _measured(
    topic: str, find: Callable[[], Iterable[Finding]], bars: bool = False
) -> list[Finding]:
    """Findings that take a measurement; what stands in its way is a finding too."""
    try:
        return list(find())
    except (HarnessError, OSError) as problem:  # a full disk is one
        return [Finding(topic, "cannot be measured", "advice", shown(problem, 300), bars)]
