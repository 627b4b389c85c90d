"""Overrides to composed configurations, with every mistake in one line that names what is known.

Hydra composes once for each choice of options (some 200 ms), and a process that asks again, as a
notebook does, gets the same while no file of conf/ changes. What a combination of a sweep sets
beyond that concerns a few top-level keys: those alone are copied, set and resolved (about 1 ms),
once for each set of values, and all else is shared between the combinations.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness import conf_files
from harness.errors import HarnessError, SettingsError
from harness.methods import GROUPS, method_names
from harness.nearest import listed
from harness.settings import schema
from harness.settings.conversion import Plain
from harness.settings.references import MARK, check_references
from harness.settings.request import Request, parsed
from harness.settings.sweeps import OptionsOf, combinations
from harness.settings.user_folder import searched

ELSEWHERE = ("campaign", "cluster", "tracking")  # keys that do not say what is measured
DEEPEST = 4  # parts in each other
SEVERAL = ("workload", "strategy", "baseline")  # groups that take a list
_OPTIONAL = ("primitive", "workload", "experiment")  # groups that may be null
# Mappings that take new keys.
_OPEN = ("workload.sizes.", "workload.dimensions.", "primitive.", "schedule.")
# What Hydra has of its own to run and record a sweep, and what does so here.
_INSTEAD = {
    "launcher": "a sweep is one campaign, which runs where `cluster` says",
    "mode": "-m sweeps",
    "run": "campaign.dir=DIR says where a campaign is recorded",
    "searchpath": "--config-dir DIR adds a folder",
    "sweep": "campaign.dir=DIR says where a campaign is recorded",
    "sweeper": "-m tries all combinations, strategies search",
}
_OF_OMEGACONF = ("full_key", "object_type", "reference_type")  # lines of its messages


Made = TypeVar("Made")


def composed(request: Request, made: Callable[[Plain], Made]) -> tuple[Made, ...]:
    """What `made` makes of the configuration of each combination; one where nothing is swept.

    `made` gets plain data, resolved; parts of it are shared and must not be changed.
    """
    known: dict[tuple[str, ...], _Composition] = {}

    def whole(texts: Sequence[str]) -> Plain:
        groups, values = _sorted_out(parsed(texts), options_of)
        if groups not in known:
            known[groups] = _Composition(_compose((*search, *groups), source))
        return known[groups].with_values(values)

    results: list[Made] = []
    with _hydra(request.config_dir) as (search, source):
        options_of = partial(_options, search=search, source=source)
        for combination in combinations(parsed(request.overrides), request.multirun, options_of):
            first = whole(combination)
            for one in _parts(combination, first, whole):
                results.append(made(one))
    return tuple(results)


def _parts(
    texts: Sequence[str], first: Plain, whole: Callable[[Sequence[str]], Plain], depth: int = 0
) -> Iterator[Plain]:
    """The configurations that one stands for: itself, or those of its `parts`.

    A part is the same command with overrides of the part's own below the user's. It may choose
    another experiment, which may have parts in turn. Where it runs is said by the whole.
    """
    if not first["parts"]:
        yield first
        return
    if depth == DEEPEST:
        raise SettingsError(f"parts: experiments are parts of each other more than {DEEPEST} deep")
    kept = {key: first[key] for key in (*ELSEWHERE, "claims")}
    for own in first["parts"]:
        merged = {o.get_key_element(): o.input_line or "" for o in parsed([*own, *texts])}
        chosen = [text for text in own if text.startswith("experiment=")]
        for text in chosen:  # it is another's, and the command's is that of the whole
            merged["experiment"] = text
        found = whole(tuple(merged.values()))
        if not chosen:
            found = {**found, "parts": []}
        for part in _parts(tuple(merged.values()), found, whole, depth + 1):
            yield {**part, **kept, "parts": []}


class _Composition:
    """The configuration of one choice of options, before values are set."""

    def __init__(self, config: DictConfig) -> None:
        self._config = config
        self._refers = MARK in repr(OmegaConf.to_container(config, resolve=False))
        self._known: dict[tuple[str, ...], object] = {}
        self._copies: dict[str, tuple[list[str], DictConfig]] = {}

    def with_values(self, values: Sequence[Override]) -> Plain:
        """The whole configuration, resolved, with these values in it. Raises SettingsError."""
        if self._refers or any(MARK in (o.input_line or "") for o in values):
            return self._whole(values)
        if () not in self._known:
            self._known[()] = self._whole(())
        whole: Plain = dict(cast(Plain, self._known[()]))
        roots: dict[str, list[Override]] = {}
        for override in values:
            roots.setdefault(override.key_or_group.partition(".")[0], []).append(override)
        for root, own in roots.items():
            key = tuple(override.input_line or "" for override in own)
            if key not in self._known:
                self._known[key] = _sharing(_plain(self._set(root, own)[root]), whole.get(root))
            whole[root] = self._known[key]
        return whole

    def _whole(self, values: Sequence[Override]) -> Plain:
        config = copy.deepcopy(self._config)
        for override in values:
            _apply(config, override)
        check_references(cast(Plain, OmegaConf.to_container(config, resolve=False)))
        return cast(Plain, _plain(config))

    def _set(self, root: str, values: Sequence[Override]) -> DictConfig:
        """A copy with the values set, which all have this first part of their key.

        Values that were set into the last copy under the same keys are simply replaced there.
        """
        shape = [_shape(override) for override in values]
        known, config = self._copies.get(root, ([], self._config))
        if known != shape or any(override.is_delete() for override in values):
            config = copy.deepcopy(self._config)
            self._copies[root] = shape, config
        for override in values:
            _apply(config, override)
        return config


def _shape(override: Override) -> str:
    """What two overrides share that set the same places: the key, or all of it for a container."""
    text, value = override.input_line or "", override.value()
    return text if isinstance(value, list | dict) else override.get_key_element()


def _sharing(made: object, base: object) -> object:
    """The same data; what is as in `base` is taken from there, so that a sweep holds it once."""
    if repr(made) == repr(base):
        return base
    if isinstance(made, dict) and isinstance(base, dict):
        return {key: _sharing(value, base.get(key)) for key, value in made.items()}
    return made


def _plain(node: object) -> object:
    if isinstance(node, Enum):
        return node.name
    if not OmegaConf.is_config(node):
        return node
    try:
        return OmegaConf.to_container(node, resolve=True, enum_to_str=True)
    except OmegaConfBaseException as error:
        raise SettingsError(f"configuration: {str(error).splitlines()[0]}") from error


@contextmanager
def _hydra(config_dir: Path | None) -> Iterator[tuple[tuple[str, ...], Hashable]]:
    """Hydra, ready to compose: the overrides that add the user's own folder; and what all is
    composed of, which is equal only while nothing has changed, and never with such a folder."""
    methods = schema.register()
    with initialize_config_dir(str(conf_files.CONF), job_name="polydl", version_base="1.3"):
        if config_dir is None:
            yield (), (methods, conf_files.stamp())
        else:
            yield (searched(config_dir),), object()


@lru_cache(maxsize=64)
def _compose(overrides: tuple[str, ...], source: Hashable) -> DictConfig:
    """What nobody changes: it is kept while its source is equal."""
    try:
        return compose("config", list(overrides))
    except HarnessError:
        raise
    except RecursionError as error:
        raise SettingsError("configuration: a file's defaults lead back to it") from error
    except Exception as error:  # of any kind, where a user's file is not what Hydra expects
        raise SettingsError(f"configuration: {_one_line(error)}") from error


def _sorted_out(
    overrides: Sequence[Override], options_of: OptionsOf
) -> tuple[tuple[str, ...], list[Override]]:
    """Choices of options, checked, as texts; and overrides of values."""
    groups: list[str] = []
    values: list[Override] = []
    for override in overrides:
        key = override.key_or_group
        options = [] if "." in key else options_of(key)
        root, _, own = key.replace("/", ".").partition(".")
        if root == "hydra" and (instead := _INSTEAD.get(own.partition(".")[0])):
            raise SettingsError(f"{key} is not taken; {instead}")
        if key.startswith("hydra."):
            groups.append(override.input_line or "")
        elif options or override.package is not None:
            _check_choice(override, options)
            groups.append(as_hydra_takes_it(override.input_line or ""))
        else:
            values.append(override)
    return tuple(groups), values


def as_hydra_takes_it(text: str) -> str:
    """`workload=null` is written `~workload` there."""
    group, _, value = text.partition("=")
    return f"~{group}" if value == "null" and group in _OPTIONAL else text


@lru_cache(maxsize=256)
def _options(group: str, search: tuple[str, ...], source: Hashable) -> tuple[str, ...]:
    """The options of a group, from conf/ and the user's own folder; empty when it is no group."""
    loader = GlobalHydra.instance().config_loader()
    return tuple(loader.get_group_options(group, config_name="config", overrides=list(search)))


def _check_choice(override: Override, options: Sequence[str]) -> None:
    group, value = override.key_or_group, override.value()
    if override.is_delete():
        return
    if value is None and group in _OPTIONAL:
        return
    if isinstance(value, list) and group not in SEVERAL:
        raise SettingsError(f"{group} takes one option, got {value}; {listed('', options)}")
    for option in value if isinstance(value, list) else [value]:
        if str(option) not in options:
            known = listed(str(option), options) if options else f"known: none, {group} is no group"
            raise SettingsError(f"{group}: unknown option '{option}'; {known}")


def _apply(config: DictConfig, override: Override) -> None:
    """Set one value, as Hydra does, after a look at every part of its key."""
    key, value = override.key_or_group, override.value()
    try:
        is_open = _check_key(config, key)
        if override.is_delete():
            parent, _, last = key.rpartition(".")
            if not parent:
                raise SettingsError(f"~{key}: {key} cannot be left out; set it to a value")
            if is_open:
                raise SettingsError(f"~{key}: there is no such key")
            OmegaConf.set_struct(config, False)
            del OmegaConf.select(config, parent)[last]
            OmegaConf.set_struct(config, True)
        else:
            inside = is_open or f"{key}.".startswith(_OPEN)
            OmegaConf.update(config, key, value, merge=True, force_add=inside)
    except (OmegaConfBaseException, ValueError, TypeError) as error:  # of a list's index
        raise SettingsError(f"{key}: {_one_line(error)}") from error


def _check_key(config: DictConfig, key: str) -> bool:
    """Whether the key may be new; raises SettingsError when it is unknown."""
    parts = key.split(".")
    if parts[0] == "primitive" and config.primitive is None:
        _refuse_primitive(config, key)
    node: Any = config
    for depth, part in enumerate(parts):
        where = ".".join(parts[:depth])
        if isinstance(node, DictConfig) and part in set(node.keys()):  # not resolved
            node = node[part] if depth + 1 < len(parts) else None
        elif f"{where}.".startswith(_OPEN) and where != "primitive.sizes":
            return True
        else:
            raise SettingsError(f"{key}: {_unknown(node, where, part)}")
    return False


def _unknown(node: Any, where: str, part: str) -> str:
    """Why `part` is no key of the node at `where`."""
    if not isinstance(node, DictConfig):
        return f"{where} is a value and has no key '{part}'"
    known = [str(key) for key in node]
    if where in GROUPS and part in method_names(where):
        return f"{where} '{part}' is not among the chosen ones: {', '.join(known) or 'none'}"
    of = f" of {where}" if where else ""
    return f"unknown key '{part}'{of}; {listed(part, known)}"


def _refuse_primitive(config: DictConfig, key: str) -> None:
    if config.workload.entries:
        names = ", ".join(config.workload.entries)
        last = key.rpartition(".")[2]
        raise SettingsError(
            f"{key} cannot be set together with a workload ({names}); use workload.sizes.{last}"
        )
    known = ", ".join(conf_files.options("primitive"))
    raise SettingsError(f"{key}: name the primitive first, primitive=...; known: {known}")


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [x for x in lines if not x.startswith(_OF_OMEGACONF) and not x.endswith(":")]
    return "; ".join(kept[:2])
