"""Dimensions of a network's inputs by names that an override can say."""

from __future__ import annotations

import re
from collections.abc import Sequence


def identifier(name: str) -> str:
    """A dimension's or an input's name with `_` for what an override's key cannot hold.

    >>> identifier("batch size"), identifier("input.1"), identifier("2d")
    ('batch_size', 'input_1', '_2d')
    """
    told = re.sub(r"[^A-Za-z0-9_]+", "_", name)
    return f"_{told}" if told[:1].isdigit() or not told else told


def sizes_told(names: Sequence[str]) -> str:
    """The overrides that give these dimensions sizes, as a shell takes them.

    >>> sizes_told(["batch", "x_1"])
    'workload.dimensions.batch=1 workload.dimensions.x_1=1'
    """
    return " ".join(f"workload.dimensions.{name}=1" for name in names)
