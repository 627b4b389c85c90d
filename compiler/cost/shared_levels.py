"""What statements that share levels leave in a cache for each other."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.cost.traffic import Traffic
from compiler.lower.tree import Path, shared_levels


def left_by_others(paths: Sequence[Path], traffic: Sequence[Traffic]) -> list[dict[str, float]]:
    """By leaf, the tensors that an earlier one touched in the same piece of the levels they share.

    With each, the lines that all leaves of such a piece touch: what the cache must hold meanwhile.
    """
    found: list[dict[str, float]] = []
    for place, path in enumerate(paths):
        left: dict[str, float] = {}
        for earlier in range(place):
            depth = len(shared_levels(paths[earlier], path))
            if not depth:
                continue
            held = _held(paths, traffic, path, depth)
            both = traffic[earlier].touched(depth).keys() & traffic[place].touched(depth).keys()
            left |= {x: min(held, left.get(x, held)) for x in both}
        found.append(left)
    return found


def _held(paths: Sequence[Path], traffic: Sequence[Traffic], path: Path, depth: int) -> float:
    """Lines that the leaves inside the first levels around a path touch in one piece of them."""
    lines: dict[str, float] = {}
    for other, own in zip(paths, traffic, strict=True):
        if other is path or len(shared_levels(other, path)) >= depth:
            for tensor, touched in own.touched(depth).items():
                lines[tensor] = max(lines.get(tensor, 0.0), touched)
    return sum(lines.values())
