"""Overrides to composed configurations, with every mistake in one line that names what is known.

Hydra composes once for each choice of options (some 200 ms); values are set on copies of that
(1 to 2 ms), so that sweeps of thousands of combinations stay quick.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from harness.errors import SettingsError
from harness.settings import schema
from harness.settings.request import Request, combinations, parsed

CONF = Path(__file__).resolve().parents[2] / "conf"
SEVERAL = ("workload", "strategy", "baseline")  # groups that take a list
_OPTIONAL = ("primitive", "workload", "experiment")  # groups that may be null
_OPEN = ("workload.sizes.", "primitive.", "schedule.")  # mappings that take new keys


Made = TypeVar("Made")


def composed(request: Request, made: Callable[[DictConfig], Made]) -> tuple[Made, ...]:
    """What `made` makes of the configuration of each combination; one where nothing is swept."""
    known: dict[tuple[str, ...], DictConfig] = {}
    results: list[Made] = []
    with _hydra(request.config_dir) as search:
        options_of = cache(partial(group_options, search=tuple(search)))
        for combination in combinations(request):
            groups, values = _sorted_out(parsed(combination), options_of)
            if groups not in known:
                known[groups] = _compose([*search, *groups])
            config = copy.deepcopy(known[groups])
            for override in values:
                _apply(config, override)
            results.append(made(config))
    return tuple(results)


@contextmanager
def _hydra(config_dir: Path | None) -> Iterator[list[str]]:
    """Hydra, ready to compose; gives the overrides that add the user's own folder."""
    schema.register()
    with initialize_config_dir(str(CONF), job_name="polydl", version_base="1.3"):
        yield [] if config_dir is None else [f"hydra.searchpath=['file://{config_dir}']"]


def _compose(overrides: Sequence[str]) -> DictConfig:
    try:
        return compose("config", list(overrides))
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise SettingsError(f"configuration: {_one_line(error)}") from error


def _sorted_out(
    overrides: Sequence[Override], options_of: Callable[[str], list[str]]
) -> tuple[tuple[str, ...], list[Override]]:
    """Choices of options, checked, as texts; and overrides of values."""
    groups: list[str] = []
    values: list[Override] = []
    for override in overrides:
        key = override.key_or_group
        options = [] if "." in key else options_of(key)
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


def group_options(group: str, search: Sequence[str] = ()) -> list[str]:
    """The options of a group, from conf/ and the user's own folder; empty when it is no group."""
    loader = GlobalHydra.instance().config_loader()
    return list(loader.get_group_options(group, config_name="config", overrides=list(search)))


def _check_choice(override: Override, options: Sequence[str]) -> None:
    group, value = override.key_or_group, override.value()
    if override.is_delete():
        return
    known = ", ".join(options)
    if value is None and group in _OPTIONAL:
        return
    if isinstance(value, list) and group not in SEVERAL:
        raise SettingsError(f"{group} takes one option, got {value}; known: {known}")
    for option in value if isinstance(value, list) else [value]:
        if str(option) not in options:
            raise SettingsError(f"{group}: unknown option '{option}'; known: {known}")


def _apply(config: DictConfig, override: Override) -> None:
    """Set one value, as Hydra does, after a look at every part of its key."""
    key, value = override.key_or_group, override.value()
    is_open = _check_key(config, key)
    try:
        if override.is_delete():
            parent, _, last = key.rpartition(".")
            OmegaConf.set_struct(config, False)
            del (OmegaConf.select(config, parent) if parent else config)[last]
            OmegaConf.set_struct(config, True)
        else:
            OmegaConf.update(config, key, value, merge=True, force_add=is_open)
    except OmegaConfBaseException as error:
        raise SettingsError(f"{key}: {_one_line(error)}") from error


def _check_key(config: DictConfig, key: str) -> bool:
    """Whether the key may be new; raises SettingsError when it is unknown."""
    parts = key.split(".")
    if parts[0] == "primitive" and config.primitive is None:
        _refuse_primitive(config, key)
    node: Any = config
    for depth, part in enumerate(parts):
        where = ".".join(parts[:depth])
        if isinstance(node, DictConfig) and part in node:
            node = node[part]
        elif f"{where}.".startswith(_OPEN) and where != "primitive.sizes":
            return True
        else:
            raise SettingsError(f"{key}: {_unknown(node, where, part)}")
    return False


def _unknown(node: Any, where: str, part: str) -> str:
    """Why `part` is no key of the node at `where`."""
    if not isinstance(node, DictConfig):
        return f"{where} is a value and has no key '{part}'"
    known = ", ".join(str(key) for key in node) or "none"
    if where in schema.OPTIONS and part in schema.OPTIONS[where]:
        return f"{where} '{part}' is not among the chosen ones: {known}"
    of = f" of {where}" if where else ""
    return f"unknown key '{part}'{of}; known: {known}"


def _refuse_primitive(config: DictConfig, key: str) -> None:
    if config.workload.entries:
        names = ", ".join(config.workload.entries)
        last = key.rpartition(".")[2]
        raise SettingsError(
            f"{key} cannot be set together with a workload ({names}); use workload.sizes.{last}"
        )
    known = ", ".join(group_options("primitive"))
    raise SettingsError(f"{key}: name the primitive first, primitive=...; known: {known}")


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("full_key", "object_type"))]
    return "; ".join(kept[:2])
