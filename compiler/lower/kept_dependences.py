"""Dependences between two statements, worked out once a thread: a search asks for them often."""

from __future__ import annotations

import threading

from compiler.model.dependences import Dependence, between
from compiler.model.isl_names import executed_domain
from compiler.problem.primitive import Primitive

KEPT = 256  # pairs of statements


class _Kept(threading.local):
    """By nest and pair; isl's objects must not pass from thread to thread."""

    def __init__(self) -> None:
        self.found: dict[tuple[Primitive, int, int], tuple[Dependence, ...]] = {}


_KEPT = _Kept()


def kept_dependences(nest: Primitive, source: int, sink: int) -> tuple[Dependence, ...]:
    """From one statement to another or to itself, all that it executes, one of each relation."""
    cache = _KEPT.found
    key = (nest, source, sink)
    if key not in cache:
        if len(cache) >= KEPT:
            cache.clear()
        unlike = {
            (d.reduction, d.source_access, d.sink_access): d
            for d in reversed(between(nest, source, sink, executed_domain))
        }
        cache[key] = tuple(reversed(unlike.values()))
    return cache[key]
