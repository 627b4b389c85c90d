"""One unit of work in two stages: `prepare_unit` compiles, `measure_unit` measures and records."""

from harness.trial.measure import measure_unit, verified_kernel
from harness.trial.prepare import installed_here, prepare_unit
from harness.trial.prepared import PreparedUnit, UnitOutcome

__all__ = [
    "PreparedUnit",
    "UnitOutcome",
    "installed_here",
    "measure_unit",
    "prepare_unit",
    "verified_kernel",
]
