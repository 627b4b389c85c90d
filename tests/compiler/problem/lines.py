"""Primitives of a few lines, for tests that need one of a certain form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from


def primitive_of(
    sizes: Mapping[str, int], tensors: Mapping[str, list[str]], *lines: str, **more: Any
) -> Primitive:
    """The statements of these lines, with those of the sizes that they name."""
    named = set(re.findall(r"\w+", " ".join(lines)))
    used = {name: size for name, size in sizes.items() if name in named}
    spec = {"name": "lines", "sizes": used, "tensors": tensors, "statements": list(lines)}
    return primitive_from({**spec, **more})
