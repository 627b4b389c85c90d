"""The configuration: Hydra composes it, frozen values leave. Nobody else sees a `cfg`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.bounds import check_values
from harness.errors import SettingsError
from harness.readers import Reader
from harness.settings import schema
from harness.settings.composition import ELSEWHERE, composed
from harness.settings.conversion import cache_folder, problems_of, settings_from
from harness.settings.reading import check_kinds, check_read
from harness.settings.request import parsed, quoted, request_from
from harness.settings.supplied import SOURCES
from harness.settings.values import ProblemChoice, Settings

MOST_PROBLEMS = 200_000  # of all combinations of a sweep

__all__ = [
    "Settings",
    "as_recorded",
    "cache_folder",
    "load_settings",
    "one_of_settings",
    "quoted",
    "recorded_problems",
    "resumed_alone",
]

# Fields of Settings that few combinations of a sweep differ in.
_SHARED = ("architecture", "strategies", "baselines", "measure", "cluster", "tracking", "campaign")


def load_settings(arguments: Sequence[str], reader: Reader | None = None) -> tuple[Settings, ...]:
    """The settings that a command's arguments ask for, one for each combination of a sweep.

    Raises SettingsError: one line, with what is known where a name is not; also for what `reader`,
    where one is named, does not read.
    """
    request = request_from(arguments)
    overrides = parsed(request.overrides)
    if reader is not None:
        check_read(overrides, reader)
    experiment = None
    for override in overrides:
        if override.key_or_group == "experiment" and isinstance(override.value(), str):
            experiment = str(override.value())
    sources = SOURCES.cached()  # one reading for all combinations
    problems = 0
    held: dict[str, Any] = {}  # what combinations share, by what it says

    def made(plain: dict[str, Any]) -> Settings:
        nonlocal problems
        one = settings_from(plain, experiment, sources)
        if reader == "run":
            check_kinds(overrides, _kinds(one))
        same = {name: getattr(one, name) for name in _SHARED}
        one = replace(one, **{name: held.setdefault(repr(v), v) for name, v in same.items()})
        problems += len(one.problems)
        if problems > MOST_PROBLEMS:
            raise SettingsError(f"more than {MOST_PROBLEMS} problems are asked for")
        return one

    return composed(request, made)


def one_of_settings(arguments: Sequence[str], reader: Reader) -> Settings:
    """Those of one combination. Raises SettingsError, also for several: campaigns take them."""
    found = load_settings(arguments, reader)
    if len(found) != 1:
        raise SettingsError(
            "a sweep, and an experiment of parts, are for campaigns: "
            f"one combination is taken, got {len(found)}"
        )
    return found[0]


def resumed_alone(arguments: Sequence[str]) -> str | None:
    """The campaign to resume, where the command says nothing of what is to be measured."""
    overrides = parsed(request_from(arguments).overrides)
    if any(o.key_or_group.partition(".")[0] not in ELSEWHERE for o in overrides):
        return None
    resumed = [o.value() for o in overrides if o.key_or_group == "campaign.resume"]
    return str(resumed[-1]) if resumed and resumed[-1] is not None else None


def recorded_problems(document: Mapping[str, Any]) -> tuple[ProblemChoice, ...]:
    """The problems of one recorded configuration. Raises SettingsError."""
    plain = schema.completed(document)
    check_values("", schema.ConfigSchema, plain)
    return problems_of(plain)


def as_recorded(
    arguments: Sequence[str], documents: Sequence[Mapping[str, Any]]
) -> tuple[Settings, ...]:
    """The recorded configurations; what the command says of where they are run holds instead.

    `cluster=ray` is another cluster; `cluster.cores=[1]` alone is the recorded one on these cores.
    """
    (asked,) = load_settings(arguments)
    overrides = parsed(request_from(arguments).overrides)
    keys = [override.key_or_group.split(".") for override in overrides]
    anew = {"campaign", *(key[0] for key in keys if len(key) == 1)}
    found = []
    for document in documents:
        whole = {**asked.resolved, **document, **{root: asked.resolved[root] for root in anew}}
        for root, *own in keys:
            if root not in anew and isinstance(whole[root], Mapping):
                whole[root] = {**whole[root], own[0]: asked.resolved[root][own[0]]}
        found.append(settings_from(schema.completed(whole)))
        check_kinds(overrides, _kinds(found[-1]))
    return tuple(found)


def _kinds(settings: Settings) -> dict[str, str]:
    return {"cluster": settings.cluster.kind, "tracking": settings.tracking.kind}
