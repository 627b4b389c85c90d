"""The two primitives of the paper's golden vectors, with their loops and tiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "polydl_golden.json").read_text())

BLOCKED_CONV2D: dict[str, Any] = {
    "name": "blocked_conv2d",
    "sizes": GOLDEN["pairs"][1]["extents"],
    "tensors": {
        "out": ["img", "ot", "oj", "oi", "ofm"],
        "f": ["ot", "it", "kj", "ki", "ifm", "ofm"],
        "data": ["img", "it", "oj+kj-1", "oi+ki-1", "ifm"],
    },
    "statements": [
        "out[img,ot,oj,oi,ofm] += f[ot,it,kj,ki,ifm,ofm] * data[img,it,oj+kj,oi+ki,ifm]"
    ],
}
"""A convolution written as blocked loops, physically padded."""

TILED_ORDER = ("m@2", "n@2", "k@2", "m@1", "n@1", "k@1", "m", "n", "k")
"""it2, jt2, kt2, it1, jt1, kt1, i, j, k of a two-level tiled matrix product."""


def matmul_tiles(named: dict[str, int]) -> dict[str, int]:
    """Tile sizes M2, K1, ... as levels m@2, k@1, ..."""
    return {f"{name[0].lower()}@{name[1]}": size for name, size in named.items()}
