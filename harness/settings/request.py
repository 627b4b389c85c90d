"""What the user wrote after the command: options apart from overrides, sweeps expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from harness.errors import SettingsError

SWEPT = ("primitive", "workload", "strategy", "baseline", "architecture", "threads")
_WITH_VALUE = ("--config-dir", "-cd")
_MULTIRUN = ("-m", "--multirun")


@dataclass(frozen=True)
class Request:
    """`overrides` as written, in order; `config_dir` is one more folder of configuration files."""

    overrides: tuple[str, ...]
    multirun: bool = False
    config_dir: Path | None = None


def request_from(arguments: Sequence[str]) -> Request:
    """Take the options out of the arguments, wherever they stand among the overrides."""
    overrides: list[str] = []
    multirun, config_dir = False, None
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        flag, _, value = word.partition("=")
        if word in _MULTIRUN:
            multirun = True
        elif flag in _WITH_VALUE:
            if not value and not rest:
                raise SettingsError(f"{flag} needs a folder")
            config_dir = Path(value or rest.pop(0)).resolve()
            if not config_dir.is_dir():
                raise SettingsError(f"{flag}: no folder at {config_dir}")
        elif word.startswith("-"):
            known = "-m, --config-dir DIR, --cfg job|all|hydra, --info, --help, --shell-completion"
            raise SettingsError(f"unknown option '{word}'; known: {known}")
        else:
            overrides.append(word)
    return Request(tuple(overrides), multirun, config_dir)


def parsed(texts: Sequence[str]) -> list[Override]:
    """Hydra's own reading of the overrides. Raises SettingsError that names the one at fault."""
    return [_parsed(text) for text in texts]


@lru_cache(maxsize=2**16)  # a sweep's texts come again in every combination; each takes 1 ms
def _parsed(text: str) -> Override:
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"cannot read '{text}': {reason}; write key=value") from error


def combinations(request: Request) -> list[tuple[str, ...]]:
    """Every combination of a sweep, as lists of plain overrides; one where nothing is swept."""
    choices: list[list[str]] = []
    for override in parsed(request.overrides):
        text = override.input_line or ""
        if not override.is_sweep_override():
            choices.append([text])
            continue
        root = override.key_or_group.split(".")[0].split("@")[0]
        if not request.multirun:
            raise SettingsError(f"'{text}' is a sweep: add -m, or write a list as key=[a,b]")
        if root not in SWEPT:
            raise SettingsError(f"'{text}': only {', '.join(SWEPT)} can be swept, not {root}")
        key = override.get_key_element()
        choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
    return list(product(*choices))
