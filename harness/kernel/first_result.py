"""Problems too big for a full reference: the first verified result stands for the rest of it.

Sampled points say that the first kernel is right where border classes and remainders are; every
later one is compared with it in every element.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compiler.schedule.layout import Array
from harness.failure import Failure
from harness.kernel.problem_data import ProblemData


def compare_with_first(
    outputs: Mapping[str, Array], data: ProblemData, folder: Path, tolerance: float
) -> Failure | None:
    """Keep the outputs when they are the first; else each element must be near the first one's.

    Both results may be off by the tolerance, and the largest sampled magnitude stands for that of
    elements without a sample.
    """
    for name, points in data.points.items():
        if points is None:
            continue
        kept = folder / f"{name}.first.npy"
        if not kept.exists():
            new = kept.with_name(f"{os.getpid()}.{kept.name}")
            np.save(new, outputs[name], allow_pickle=False)
            os.replace(new, kept)
            continue
        first = np.load(kept, mmap_mode="r", allow_pickle=False)
        bound = 2 * tolerance * float(np.max(data.magnitude[name], initial=0.0))
        values = outputs[name]
        near = (np.abs(values - first) <= bound) | (values == first)
        if not near.all():
            flat = int(np.argmin(near))
            where = ", ".join(str(int(i)) for i in np.unravel_index(flat, near.shape))
            return Failure(
                "verify",
                f"{name}[{where}] is {values.flat[flat]:.7g}, the first verified kernel has "
                f"{first.flat[flat]:.7g} ({int((~near).sum())} of {near.size} values differ)",
            )
    return None
