"""Architectures to compile for in tests; none of them is the host."""

from __future__ import annotations

from compiler.problem.architecture import Architecture, CacheLevel

CACHES = (
    CacheLevel("L1", 32 << 10),
    CacheLevel("L2", 512 << 10),
    CacheLevel("L3", 4 << 20),
)
AVX2 = Architecture("avx2", "x86_64", 32, 16, caches=CACHES)
AVX512 = Architecture("avx512", "x86_64", 64, 32, embedded_broadcast=True, caches=CACHES)
NEON = Architecture("neon", "aarch64", 16, 32, fma_per_cycle=4, caches=CACHES)
SCALAR = Architecture("scalar", "x86_64", 4, 16, caches=CACHES)
MACHINES = (AVX2, AVX512, NEON, SCALAR)
