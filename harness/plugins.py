"""What other packages add to polydl, by entry points: strategies, rankings, baselines.

    [project.entry-points."polydl.strategies"]
    first = "polydl_first:STRATEGY"

An installed package that names such a thing has it taken up under that name;
docs/how-to/extending.md shows one of each. They are code that the user has installed, and run as
the user.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from compiler.errors import shown
from harness.errors import EnvironmentProblem

Group = Literal["polydl.strategies", "polydl.rankings", "polydl.baselines"]
GROUPS: tuple[Group, ...] = ("polydl.strategies", "polydl.rankings", "polydl.baselines")


def loaded(places: Mapping[str, str]) -> dict[str, Any]:
    """Objects of this project by name, each of a place such as `harness.strategy.top_k:TOP_K`."""
    return {name: EntryPoint(name, place, "").load() for name, place in places.items()}


def plugin_names(group: Group) -> tuple[str, ...]:
    """What installed packages register in a group, not loaded."""
    return tuple(entry.name for entry in _entries(group, tuple(sys.path)))


def plugins(group: Group, fits: Callable[[Any], bool], own: Collection[str]) -> dict[str, Any]:
    """By name, what installed packages register in a group.

    `fits` tells whether an object is what the group holds, `own` are the names that are taken.
    Raises EnvironmentProblem, one line that names the package, for one that cannot be used.
    """
    found: dict[str, Any] = {}
    for entry, value in _opened(group, tuple(sys.path)):
        if not entry.name.isidentifier():
            raise _refused(group, entry, "its name is no identifier")
        if entry.name in own or entry.name in found:
            raise _refused(group, entry, "the name is taken")
        if not fits(value):
            raise _refused(group, entry, f"{entry.value} is a {type(value).__name__}")
        found[entry.name] = value
    return found


def plugin_packages() -> dict[str, str]:
    """Versions of the packages that register anything, as records carry them."""
    found = {}
    for group in GROUPS:
        for entry in _entries(group, tuple(sys.path)):
            name, _, version = _package(entry).rpartition(" ")
            found[name] = version
    return found


@cache
def _entries(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """As far as they can be found on this `path`; a package that is there twice counts once."""
    held = {(entry.name, entry.value): entry for entry in entry_points(group=group)}
    return tuple(sorted(held.values(), key=lambda entry: (entry.name, entry.value)))


@cache
def _opened(group: str, path: tuple[str, ...]) -> tuple[tuple[EntryPoint, Any], ...]:
    """Each with its object. Raises EnvironmentProblem."""
    found = []
    for entry in _entries(group, path):
        try:
            found.append((entry, entry.load()))
        except (Exception, SystemExit) as fault:  # it is other people's code
            told = f"{type(fault).__name__}: {shown(fault, 80)}"
            raise _refused(group, entry, told) from fault
    return tuple(found)


def _refused(group: str, entry: EntryPoint, reason: str) -> EnvironmentProblem:
    package = _package(entry)
    return EnvironmentProblem(
        f"package {package} adds '{shown(entry.name, 40)}' to {group}, which cannot be used: "
        f"{reason}; mend it, or: pip uninstall {package.partition(' ')[0]}"
    )


def _package(entry: EntryPoint) -> str:
    """Name and version."""
    if entry.dist is None:
        return "unknown 0"
    name = entry.dist.metadata["Name"]
    return f"{shown(name, 40)} {shown(entry.dist.version, 20)}"
