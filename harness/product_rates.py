"""What a core makes of a library's matrix product: measured once a host, library and version.

Generated kernels that call it are timed on products in L1, long and short: the difference is what
steps of the reduction cost, the rest is what a call costs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from compiler.codegen.kernel import Kernel
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.architecture import Architecture, ProductRate
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Missing
from harness.baseline.product_library import build_kernel, product_library
from harness.failure import Failure
from harness.kernel.load import kernel_spec
from harness.kernel.toolchain import Toolchain
from harness.measure.host import fingerprint
from harness.measure.looks import Seconds, seconds_of
from harness.outside import json_of
from harness.own_files import own_bytes, put

POINTS = 24  # rows of a product
SHORT, LONG = 16, 64  # reduction steps: operands of either stay in an L1 of 32 KiB
WIDTHS = (1, 2, 3, 4)  # vectors in a row
COMPILE_SECONDS = 60.0


def with_product_rates(
    machine: Architecture, libraries: Sequence[str], toolchain: Toolchain, core: int
) -> Architecture:
    """The machine with the rates of those that are here; a second or two for each new one.

    One that cannot be built has none: whoever chooses it is told why. Raises EnvironmentProblem.
    """
    rates = (_rate(name, machine, toolchain, core) for name in libraries)
    return replace(machine, products=tuple(rate for rate in rates if rate is not None))


def rates_known(libraries: Sequence[str], toolchain: Toolchain) -> bool:
    """Whether nothing is left to be measured of those that are here."""
    found = ((name, product_library(name, toolchain)) for name in libraries)
    return all(
        isinstance(library, Missing)
        or _kept(name, _file(name, library.version, toolchain)) is not None
        for name, library in found
    )


def _rate(name: str, machine: Architecture, toolchain: Toolchain, core: int) -> ProductRate | None:
    library = product_library(name, toolchain)
    if isinstance(library, Missing):
        return None
    kept = _file(name, library.version, toolchain)
    known = _kept(name, kept)
    if known is not None:
        return known
    specs = []
    for kernel in probes(name, machine):
        built = build_kernel(
            kernel.text, kernel.openmp, kernel.libraries, toolchain, COMPILE_SECONDS
        )
        if isinstance(built, Failure):
            return None
        specs.append(kernel_spec(kernel, built.path))
    rate = rate_of(name, seconds_of(specs, toolchain, core))
    held = {"vectors_per_cycle": rate.vectors_per_cycle, "call_cycles": rate.call_cycles}
    put(kept, json.dumps(held).encode())
    return rate


def probes(library: str, machine: Architecture) -> tuple[Kernel, ...]:
    """Products of every width, each short and long."""
    return tuple(_probe(library, machine, w, k) for w in WIDTHS for k in (SHORT, LONG))


def _probe(library: str, machine: Architecture, width: int, steps: int) -> Kernel:
    lanes = machine.lanes(F32)
    primitive = primitive_from(
        {
            "name": "probe",
            "sizes": {"m": POINTS, "n": width * lanes, "k": steps},
            "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
            "constant": ["b"],
            "plain": ["a", "b", "c"],
            "statements": ["c[m,n] += a[m,k] * b[k,n]"],
        }
    )
    schedule = parse_schedule(
        f"broadcast/vector:n.{lanes}/tile:n.{width}+m.{POINTS}/order:m+n+k/microkernel:{library}"
    )
    return compile_schedule(primitive, schedule)


def rate_of(library: str, seen: Seconds) -> ProductRate:
    """From the seconds of `probes`, in their order."""
    cycles = [seconds / seen.cycle for seconds in seen.kernels]
    pairs = list(zip(cycles[::2], cycles[1::2], strict=True))
    steps = [max(long - short, 1.0) / (LONG - SHORT) for short, long in pairs]
    rates = tuple(POINTS * width / step for width, step in zip(WIDTHS, steps, strict=True))
    calls = (short - SHORT * step for (short, _), step in zip(pairs, steps, strict=True))
    return ProductRate(library, rates, max(0.0, median(calls)))


def _file(name: str, version: str, toolchain: Toolchain) -> Path:
    """Of a library's version on such a host."""
    key = hashlib.sha256(f"{version} {WIDTHS} {POINTS} {SHORT} {LONG}".encode()).hexdigest()[:12]
    return toolchain.cache / f"product-{name}-{key}-{fingerprint()}.json"


def _kept(name: str, path: Path) -> ProductRate | None:
    """What was measured before; None where that is nothing, or no measurement."""
    text = own_bytes(path)
    if text is None:
        return None
    try:
        held = json_of(text.decode())
        rates, call = tuple(map(float, held["vectors_per_cycle"])), float(held["call_cycles"])
    except (ValueError, TypeError, KeyError):
        return None
    if len(rates) != len(WIDTHS) or not all(0 < rate < math.inf for rate in rates):
        return None
    return ProductRate(name, rates, call) if 0 <= call < math.inf else None
