"""A type of elements that is not offered: what it reaches is written out nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.problem.dtypes import DType
from compiler.problem.primitive import Primitive

F64 = DType("f64", 8, "double", "", "pd", np.float64)


def in_f64(primitive: Primitive) -> Primitive:
    """The primitive with all of its tensors in double precision."""
    return replace(primitive, tensors=tuple(replace(t, dtype=F64) for t in primitive.tensors))
