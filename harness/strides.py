"""Dimensions in memory: how long each is, and how many elements its next entry is away."""

from __future__ import annotations

from collections.abc import Iterable

Steps = tuple[tuple[int, int], ...]  # (length, stride) of each dimension, slowest first


def joined(steps: Iterable[tuple[int, int]]) -> Steps:
    """The same elements with dimensions that follow each other as one, and none of length 1."""
    found: list[tuple[int, int]] = []
    for length, stride in steps:
        if length == 1:
            continue
        if found and found[-1][1] == length * stride:
            found[-1] = (found[-1][0] * length, stride)
        else:
            found.append((length, stride))
    return tuple(found)
