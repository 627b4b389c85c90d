"""The rankings by name: the compiler's own, and those of installed packages."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.cost.ranking import RANKERS, Ranker
from compiler.pipeline import LIBRARIES, SPACES
from harness.errors import SettingsError
from harness.plugins import plugins


def known_rankings() -> Mapping[str, Ranker]:
    """Raises EnvironmentProblem where a package's cannot be used."""
    return {**RANKERS, **plugins("polydl.rankings", callable, RANKERS)}


def known_spaces() -> tuple[str, ...]:
    """What schedules are ranked: all of this project's, or the paper's own variants."""
    return tuple(SPACES)


def known_microkernels() -> tuple[str, ...]:
    """What computes sums of products: generated C, or a library's matrix product in its place."""
    return ("generated", *LIBRARIES)


def ranker_named(name: str) -> Ranker:
    """The ranking function called `name`; an unknown name lists the known ones."""
    known = known_rankings()
    if name not in known:
        raise SettingsError(f"unknown ranking '{name}'; known: {', '.join(sorted(known))}")
    return known[name]
