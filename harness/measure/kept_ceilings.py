"""Ceilings in the cache, by the host's fingerprint; what cannot be believed is as good as none."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from harness.kernel.toolchain import Toolchain
from harness.measure.cache_steps import Curve, curve_sizes
from harness.measure.core_rates import Ceilings, CoreRates
from harness.measure.host import fingerprint
from harness.outside import json_of
from harness.own_files import own_bytes, put


def ceilings_file(toolchain: Toolchain) -> Path:
    return toolchain.cache / f"ceilings-{fingerprint()}.json"


def keep(toolchain: Toolchain, ceilings: Ceilings) -> None:
    """Raises OSError."""
    curve = ceilings.curve
    held = {
        "peak": ceilings.peak,
        "sizes": curve.sizes,
        "rates": curve.rates,
        "core": asdict(ceilings.core),
    }
    put(ceilings_file(toolchain), json.dumps(held).encode())


def kept_ceilings(toolchain: Toolchain) -> Ceilings | None:
    """What was measured before on such a host; None where that is nothing, or no measurement.

    Of the same working sets, and all rates finite positive numbers: else it is measured again.
    """
    text = own_bytes(ceilings_file(toolchain))
    if text is None:
        return None
    try:
        held = json_of(text.decode())
        peak, *read = (_rate(value) for value in (held["peak"], *held["rates"]))
        if held["sizes"] != list(curve_sizes()) or len(read) != len(held["sizes"]):
            raise ValueError("other working sets")
        core = held["core"]
        rates = CoreRates(
            fma_per_cycle=_count(core["fma_per_cycle"]),
            fma_latency=_count(core["fma_latency"]),
            loads_per_cycle=_rate(core["loads_per_cycle"]),
            drain_cycles=_amount(core["drain_cycles"]),
            hertz=_rate(core["hertz"]),
            spread=_amount(core["spread"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return Ceilings(peak, Curve(curve_sizes(), tuple(read)), rates)


def _amount(value: object) -> float:
    """Raises ValueError for what is no finite number from zero on."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")
    if not 0 <= value < math.inf:  # neither is a NaN
        raise ValueError("out of range")
    return float(value)


def _rate(value: object) -> float:
    found = _amount(value)
    if found == 0:
        raise ValueError("no rate")
    return found


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError("no count")
    return value
