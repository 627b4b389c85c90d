"""A composed and resolved configuration to frozen values, checked."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from compiler.errors import ProblemError, shown
from compiler.pipeline import NUMERICS
from compiler.problem.names import checked_label
from harness.account import home_folder, temporary_folder, user_name
from harness.bounds import check_values
from harness.choices import ArchitectureChoice, CampaignChoice, ClusterChoice, libraries_in
from harness.errors import SettingsError
from harness.measure.budget import MeasureSettings
from harness.nearest import listed
from harness.options import options_from, plain
from harness.outside import path_of
from harness.own_files import private_folder
from harness.settings.schema import ConfigSchema, methods
from harness.settings.supplied import SOURCES, Sources, supplied
from harness.settings.values import Method, ProblemChoice, Settings, TrackingChoice

log = logging.getLogger("polydl")

Plain = dict[str, Any]
MOST_COUNT = 10**9
_ENTRY_KEYS = ("name", "primitive", "sizes", "count", "nodes")


def settings_from(
    plain: Plain,
    experiment: str | None = None,
    sources: Sources = SOURCES,
) -> Settings:
    """The frozen values of one configuration, resolved to plain data. Raises SettingsError.

    What `sources` give takes the place of files' names and of seeds, so that `Settings.resolved`
    stands by itself.
    """
    check_values("", ConfigSchema, plain)
    plain = supplied(plain, sources)
    cluster, campaign = plain["cluster"], plain["campaign"]
    strategies = _methods("strategy", plain["strategy"])
    baselines = _methods("baseline", plain["baseline"])
    _check_labels([*strategies, *baselines])
    return Settings(
        problems=problems_of(plain),
        architecture=_architecture(plain["architecture"], strategies),
        strategies=strategies,
        baselines=baselines,
        measure=_measure(plain["measure"]),
        threads=plain["threads"],
        seed=plain["seed"],
        numerics=_numerics(plain["numerics"]),
        cluster=ClusterChoice(
            kind=cluster["kind"],
            address=cluster["address"],
            auth=cluster["auth"],
            cores=_cores(cluster["cores"]),
            exclusive=cluster["exclusive"],
            attempts=cluster["attempts"],
            silent_seconds=cluster["silent_seconds"],
            without_nodes_seconds=cluster["without_nodes_seconds"],
            install=cluster["install"],
        ),
        tracking=TrackingChoice(**plain["tracking"]),
        campaign=CampaignChoice(**campaign, experiment=experiment),
        claims=plain["claims"],
        schedule=plain["schedule"],
        format=plain["format"],
        out=plain["out"],
        cache_folder=cache_folder(),
        resolved=plain,
    )


def _numerics(named: Sequence[str]) -> tuple[str, ...]:
    for name in named:
        if name not in NUMERICS:
            known = ", ".join(NUMERICS)
            raise SettingsError(f"numerics: unknown '{shown(name)}'; known: {known}")
    return tuple(sorted(set(named)))


def _cores(named: list[int] | None) -> tuple[int, ...] | None:
    if named is None:
        return None
    if not named:
        raise SettingsError("cluster.cores must name processors, got an empty list")
    return tuple(sorted(set(named)))


def cache_folder() -> Path:
    """The user's cache: $XDG_CACHE_HOME/polydl, or ~/.cache/polydl.

    Who has no home gets a private folder among the temporary files, and is told: it may go at any
    time. Raises EnvironmentProblem where that cannot be had.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return path_of(chosen).absolute() / "polydl"
    home = home_folder()
    if home is not None:
        return home / ".cache" / "polydl"
    folder = private_folder(temporary_folder(), "set XDG_CACHE_HOME to a folder of yours") / "cache"
    _warn_homeless(folder)
    return folder


@cache
def _warn_homeless(folder: Path) -> None:
    """Once a process: every combination of a sweep asks."""
    told = "user %s has no home: the cache is %s; XDG_CACHE_HOME names another folder"
    log.warning(told, user_name(), folder)


def problems_of(plain: Plain) -> tuple[ProblemChoice, ...]:
    """The problems of a resolved configuration, as campaign.yaml records it. SettingsError."""
    workload, primitive = plain["workload"], plain["primitive"]
    if primitive is not None:
        if workload["entries"]:
            names = ", ".join(workload["entries"])
            raise SettingsError(
                f"primitive={primitive.get('name')} cannot be set together with workload={names}; "
                "add workload=null, or leave the primitive out"
            )
        if workload["select"] is not None or workload["sizes"]:
            raise SettingsError("workload.select and workload.sizes need a workload=...")
        return (ProblemChoice(str(primitive.get("name")), primitive),)
    entries = [
        (name, entry, f"workload {name}, entry {number}")
        for name, listed in workload["entries"].items()
        for number, entry in enumerate(listed, 1)
    ]
    chosen = [_entry(*e, plain["primitives"], workload["sizes"]) for e in entries]
    return tuple(_selected(chosen, workload["select"]))


def _entry(name: str, entry: Plain, where: str, primitives: Plain, sizes: Plain) -> ProblemChoice:
    """One line of a workload. Order of sizes: primitive's file, entry, workload.sizes."""
    for key in entry:
        if key not in _ENTRY_KEYS:
            raise SettingsError(f"{where}: unknown key '{key}'; known: {', '.join(_ENTRY_KEYS)}")
    for key in ("name", "primitive"):
        if key not in entry:
            raise SettingsError(f"{where}: no {key} is given")
    label, kind = _name(entry["name"], where), str(entry["primitive"])
    # A workload loads a primitive as primitives.WORKLOAD.NAME, or as primitives.NAME when no
    # other workload does (Hydra refuses to load two options into one place).
    own = primitives.get(name)
    loaded = {
        key: spec
        for key, spec in {**primitives, **(own if isinstance(own, Mapping) else {})}.items()
        if isinstance(spec, Mapping) and "statements" in spec
    }
    if kind not in loaded:
        known = ", ".join(loaded)
        raise SettingsError(
            f"{where} ({label}): unknown primitive '{kind}'; known: {known or 'none'}; "
            f"the workload's file loads one as /primitive@primitives.{name}.NAME: NAME"
        )
    spec = loaded[kind]
    known_sizes = spec.get("sizes") or {}
    for origin, given in ((where, entry.get("sizes") or {}), ("workload.sizes", sizes)):
        if not isinstance(given, Mapping):
            raise SettingsError(f"{origin} ({label}): sizes must be a mapping, got {given!r}")
        for size in given:
            if size not in known_sizes:
                known = listed(str(size), known_sizes)
                raise SettingsError(f"{origin}: {kind} ({label}) has no size '{size}'; {known}")
    final = {**known_sizes, **(entry.get("sizes") or {}), **sizes}
    return ProblemChoice(label, {**spec, "sizes": final}, name, _count(entry, where))


def _count(entry: Plain, where: str) -> int:
    count = entry.get("count", 1)
    if type(count) is not int or not 1 <= count <= MOST_COUNT:
        raise SettingsError(f"{where}: count must be 1 to {MOST_COUNT}, got {shown(count)}")
    return count


def _selected(choices: list[ProblemChoice], select: object) -> list[ProblemChoice]:
    if select is None:
        return choices
    wanted = select if isinstance(select, list) else [select]
    if not choices:
        raise SettingsError("workload.select needs a workload=...")
    known = [choice.name for choice in choices]
    for name in wanted:
        if name not in known:
            told = listed(str(name), known)
            raise SettingsError(f"workload.select: unknown entry '{name}'; {told}")
    return [choice for choice in choices if choice.name in wanted]


def _methods(group: str, chosen: Plain) -> tuple[Method, ...]:
    found, known = [], methods(group)
    for name, node in chosen.items():
        if not isinstance(node, Mapping):
            raise SettingsError(f"{group}.{name} must be a mapping, got {shown(node)}")
        options = dict(node)
        method = str(options.pop("method", "") or name)
        if method not in known:
            raise SettingsError(f"{group}: unknown '{method}'; known: {', '.join(sorted(known))}")
        label = _name(options.pop("label", "") or name, f"{group}.{name}.label")
        options = plain(options_from(known[method], options, f"{group}.{name}"))
        found.append(Method(method, label, options))
    return tuple(found)


def _measure(plain: Plain) -> MeasureSettings:
    known = [field.name for field in fields(MeasureSettings)]
    for key in plain:
        if key not in known:
            raise SettingsError(f"measure: unknown key '{shown(key)}'; known: {', '.join(known)}")
    return MeasureSettings(**plain)


def _check_labels(methods: list[Method]) -> None:
    seen: dict[str, str] = {}
    for method in methods:
        if method.label in seen:
            raise SettingsError(
                f"the label '{method.label}' is used by both {seen[method.label]} and "
                f"{method.name}; give one another label"
            )
        seen[method.label] = method.name


def _architecture(plain: Plain, strategies: Sequence[Method]) -> ArchitectureChoice:
    caches = {
        level: {key: value for key, value in fields.items() if value is not None}
        for level, fields in plain["caches"].items()
    }
    own = ("name", "model", "caches")
    choice = ArchitectureChoice(
        name=_name(plain["name"], "architecture.name"),
        model=plain["model"],
        fields={k: v for k, v in plain.items() if k not in own and v is not None},
        caches={level: fields for level, fields in caches.items() if fields},
        libraries=libraries_in(method.options for method in strategies),
    )
    if not choice.is_host:
        try:
            choice.described()
        except ProblemError as error:
            raise SettingsError(str(error)) from error
    return choice


def _name(value: object, where: str) -> str:
    try:
        return checked_label(value, where)
    except ProblemError as error:
        raise SettingsError(str(error)) from error
