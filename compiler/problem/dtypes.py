"""Types of elements: the one table of their sizes, and of what C and numpy call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class DType:
    """What the elements of a tensor are; two of one name are the same.

    `suffix` ends constants of it in C, and the C library's functions on it: 1.0f, expf. `packed`
    ends x86's builtins on vectors of it: __builtin_ia32_maxps.
    """

    name: str  # in a primitive's file
    bytes: int = field(compare=False)
    c: str = field(compare=False)
    suffix: str = field(compare=False)
    packed: str = field(compare=False)
    numpy: type[np.floating[Any]] = field(compare=False)

    @property
    def whole(self) -> str:
        """C's type of whole numbers that is as wide."""
        return {4: "int", 8: "long long"}[self.bytes]


F32 = DType("f32", 4, "float", "f", "ps", np.float32)
EPS = float(np.finfo(F32.numpy).eps)  # from 1 to the next number that it has
DTYPES = {dtype.name: dtype for dtype in (F32,)}
