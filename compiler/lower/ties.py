"""Which of some things belong together, because something names several of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Thing = TypeVar("Thing")


def ties(named: Iterable[Iterable[Thing]]) -> list[frozenset[Thing]]:
    """All things that are named, those together that are named together."""
    found: list[frozenset[Thing]] = []
    for things in map(frozenset, named):
        meeting = [one for one in found if one & things]
        found = [one for one in found if not one & things]
        found += [things.union(*meeting)] if things else []
    return found
