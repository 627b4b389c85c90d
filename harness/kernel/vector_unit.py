"""The host's vector unit, from what the kernel says of the processor."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class VectorUnit:
    """Registers for fp32 arithmetic; bytes 4 is scalar code."""

    isa: str
    bytes: int
    registers: int
    embedded_broadcast: bool
    fma: bool


def cpu_flags(cpuinfo: str) -> tuple[str, ...]:
    """The sorted feature flags of the first processor in /proc/cpuinfo (x86 and Arm)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return tuple(sorted(value.split()))
    return ()


def vector_facts(cpuinfo: str | None = None, isa: str | None = None) -> VectorUnit:
    """What to generate code for: AVX-512, AVX2 with FMA, SSE, NEON, else scalar."""
    isa = isa or platform.machine()
    flags = set(cpu_flags(read_cpuinfo() if cpuinfo is None else cpuinfo))
    if isa in ("x86_64", "AMD64"):
        if "avx512f" in flags:
            return VectorUnit("x86_64", 64, 32, True, True)
        if {"avx2", "fma"} <= flags:
            return VectorUnit("x86_64", 32, 16, False, True)
        return VectorUnit("x86_64", 16, 16, False, False)
    if isa in ("aarch64", "arm64"):
        return VectorUnit("aarch64", 16, 32, False, True)
    return VectorUnit(isa, 4, 16, False, False)


def read_cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
