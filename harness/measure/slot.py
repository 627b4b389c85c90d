"""Where a measurement runs: whole physical cores, named by one logical processor each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Slot:
    """`numa_node` is set where the machine has several; `shared` cores also run other work.

    `claims` are the physical cores, by their first processors, that nobody else may measure on
    meanwhile: those of `cores`, or more of the machine.
    """

    cores: tuple[int, ...]
    numa_node: int | None = None
    quality: Literal["exclusive", "shared"] = "exclusive"
    claims: tuple[int, ...] = ()

    @property
    def locked(self) -> tuple[int, ...]:
        """The claims in the order in which everybody locks them."""
        return tuple(sorted(set(self.claims or self.cores)))

    def environment(self) -> dict[str, str]:
        """OpenMP and BLAS threads of a child on this slot."""
        count = str(len(self.cores))
        return {
            "OMP_NUM_THREADS": count,
            "OMP_PROC_BIND": "close",
            "OMP_PLACES": ",".join(f"{{{core}}}" for core in self.cores),
            "OMP_DYNAMIC": "false",
            "OPENBLAS_NUM_THREADS": count,
            "MKL_NUM_THREADS": count,
        }
