"""A machine as the cost model and the code generator see it."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import ProblemError
from compiler.problem.dtypes import DType


@dataclass(frozen=True)
class CacheLevel:
    """One level of cache; `bandwidth` is what one core reads from it, in GB/s."""

    name: str  # L1, L2, L3
    bytes: int
    line: int = 64
    ways: int = 8
    shared_by: int = 1  # cores
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        for field in ("bytes", "line", "ways", "shared_by"):
            value = getattr(self, field)
            if value < 1:
                raise ProblemError(f"architecture: {self.name}.{field} must be >= 1, got {value}")


@dataclass(frozen=True)
class ProductRate:
    """What one core makes of a library's matrix product whose operands are in L1.

    `vectors_per_cycle[w - 1]` are the multiply-adds of whole vectors where rows are `w` vectors
    wide, the last for all that are wider; `call_cycles` lie around them.
    """

    library: str
    vectors_per_cycle: tuple[float, ...]
    call_cycles: float

    def step_cycles(self, points: int, vectors: int) -> float:
        """Cycles of one step of the reduction for so many rows, in pieces of the widest."""
        widest = len(self.vectors_per_cycle)
        whole, rest = divmod(vectors, widest)
        cycles = whole * widest / self.vectors_per_cycle[-1]
        return points * (cycles + (rest / self.vectors_per_cycle[rest - 1] if rest else 0.0))


@dataclass(frozen=True)
class Architecture:
    """Vector unit, caches and ceilings of one machine.

    `peak` is in GFLOP/s (fp32) and `memory_bandwidth` in GB/s, both of one core; None is unknown.
    """

    name: str
    isa: str  # x86_64, aarch64
    vector_bytes: int
    vector_registers: int
    fma_per_cycle: int = 2
    fma_latency: int = 4
    loads_per_cycle: float = 2.0  # of vectors, from L1, beside multiply-adds
    drain_cycles: float = 20.0  # more where a full register tile ends, see compiler.cost.work
    embedded_broadcast: bool = False  # a multiply-add reads a scalar from memory (AVX-512)
    caches: tuple[CacheLevel, ...] = ()
    cores: int = 1
    sockets: int = 1
    peak: float | None = None
    memory_bandwidth: float | None = None
    products: tuple[ProductRate, ...] = ()  # of libraries, as far as they were measured

    def __post_init__(self) -> None:
        if self.vector_bytes not in (4, 16, 32, 64):
            raise ProblemError(
                f"architecture {self.name}: vector_bytes must be 4, 16, 32 or 64, "
                f"got {self.vector_bytes}"
            )
        for field in ("vector_registers", "fma_per_cycle", "fma_latency", "cores", "sockets"):
            value = getattr(self, field)
            if value < 1:
                raise ProblemError(f"architecture {self.name}: {field} must be >= 1, got {value}")
        if not self.loads_per_cycle > 0:
            raise ProblemError(
                f"architecture {self.name}: loads_per_cycle must be > 0, got {self.loads_per_cycle}"
            )
        if not self.drain_cycles >= 0:
            raise ProblemError(
                f"architecture {self.name}: drain_cycles must be >= 0, got {self.drain_cycles}"
            )

    def lanes(self, dtype: DType) -> int:
        """Elements in a vector register; one at a time where none holds two."""
        return max(1, self.vector_bytes // dtype.bytes)

    @property
    def masked(self) -> bool:
        """Whether a part of a vector is loaded and stored like all of it: AVX has masks, NEON none.

        SSE has none either, which is what 16 bytes are on x86.
        """
        return self.isa == "x86_64" and self.vector_bytes >= 32

    def product(self, library: str) -> ProductRate | None:
        return next((rate for rate in self.products if rate.library == library), None)

    def cache(self, name: str) -> CacheLevel | None:
        return next((level for level in self.caches if level.name == name), None)
