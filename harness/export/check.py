"""What the self-test of an exported library holds a kernel to: inputs from a formula, checksums.

Where float32 makes no error (compiler.problem.exact) a checksum of the output's bits must be met
exactly; else a sum with weights of -1 to 1, within what rounding may do to it. The same formulas
stand in `selftest.c`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.problem.dtypes import EPS
from compiler.problem.exact import exact_form
from compiler.problem.inputs import fixed_values, given_tensors
from compiler.problem.primitive import Primitive
from compiler.problem.reference import magnitude, reference
from compiler.problem.signs import growth
from harness.errors import HarnessError
from harness.kernel.verify import FACTOR

Numbers = npt.NDArray[Any]
MIX = (2654435761, 2246822519)  # odd factors that spread bits, as in Knuth's and xxHash's hashes
WEIGHTS = 1000  # the seed of a sum's weights; inputs have smaller ones
CHUNK = 2**14  # numbers made at once, which stay in a cache


@dataclass(frozen=True)
class Check:
    """`exponents` are of the inputs' powers of two; integers are 1 to `largest`, of either sign.

    An output has a `checksum`, or a weighted `sums` with the most that it may be off.
    """

    largest: int
    exponents: Mapping[str, int]
    checksums: Mapping[str, int]
    sums: Mapping[str, tuple[float, float]]


def check_of(primitive: Primitive) -> Check:
    """Computed from the primitive's statements. Raises HarnessError for sums that are no number."""
    form = exact_form(primitive)
    largest = max(1, form.largest)
    given = given_tensors(primitive)
    exponents = {t.name: form.exponents.get(t.name, 0) for t in given}
    inputs = fixed_values(primitive) | {
        t.name: numbers(t.elements, seed, largest, exponents[t.name]).reshape(t.shape)
        for seed, t in enumerate(given)
    }
    outputs = [t.name for t in primitive.tensors if t.role == "output"]
    if form.largest > 0 and set(form.equal) == set(outputs):
        found = reference(primitive, inputs, np.float32)
        return Check(largest, exponents, {n: checksum(found[n]) for n in outputs}, {})
    found, scale, grown = (
        reference(primitive, inputs),
        magnitude(primitive, inputs),
        growth(primitive),
    )
    sums = {}
    for name in outputs:
        weight = weights(found[name].size)
        total = float(np.dot(weight, found[name].reshape(-1)))
        most = float(np.dot(np.abs(weight), scale[name].reshape(-1))) * FACTOR * EPS * grown[name]
        if not np.isfinite([total, most]).all():
            raise HarnessError(f"{primitive.name}: its self-test's sum over '{name}' is no number")
        sums[name] = (total, most)
    return Check(largest, exponents, {}, sums)


def numbers(count: int, seed: int, largest: int, exponent: int) -> Numbers:
    """Float32 integers of either sign, magnitudes 1 to `largest`, times a power of two."""
    found = np.empty(count, np.float32)
    for start in range(0, count, CHUNK):
        mixed = _mixed(min(CHUNK, count - start), seed, start)
        part = (1 + (mixed >> np.uint32(1)) % np.uint32(largest)).astype(np.float32)
        np.negative(part, out=part, where=(mixed & np.uint32(1)).astype(bool))
        np.multiply(part, np.float32(2.0**exponent), out=found[start : start + CHUNK])
    return found


def weights(count: int) -> npt.NDArray[np.float64]:
    """Numbers of -1 to 1."""
    return _mixed(count, WEIGHTS).astype(np.float64) * 2.0**-31 - 1.0


def checksum(values: Numbers) -> int:
    """Of float32 bits, each times an odd number of its place, modulo 2**64; -0 counts as 0."""
    bits = (values.astype(np.float32).reshape(-1) + np.float32(0)).view(np.uint32)
    places = np.arange(bits.size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return int((bits.astype(np.uint64) * places).sum(dtype=np.uint64))


def _mixed(count: int, seed: int, start: int = 0) -> npt.NDArray[np.uint32]:
    """Of as many places from `start` on, modulo 2**32."""
    places = np.arange(count, dtype=np.uint32) + np.uint32(start % 2**32)
    found = places * np.uint32(MIX[0]) + np.uint32(seed)
    found ^= found >> np.uint32(15)
    found *= np.uint32(MIX[1])
    return found ^ (found >> np.uint32(13))
