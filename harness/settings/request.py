"""What the user wrote after the command: options apart from overrides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from compiler.errors import shown
from harness.errors import SettingsError

LONGEST = 10_000  # characters of an override: a list of 5,000 takes Hydra 2 s
LONGEST_KEY = 250  # files and folders are looked up by it
LONGEST_OF_ALL = 20_000
DEEPEST = 50  # brackets in each other
MOST_DIGITS = 400  # more than any float has; Python refuses 4,300
_DIGITS = re.compile(r"[0-9_]+")
_BARE = re.compile(r"[A-Za-z0-9_/.:-]+")
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
            known = ", ".join((*_MULTIRUN, *_WITH_VALUE))
            raise SettingsError(f"unknown option '{shown(word)}'; known: {known}")
        else:
            overrides.append(word)
    return Request(tuple(overrides), multirun, config_dir)


def parsed(texts: Sequence[str]) -> list[Override]:
    """Hydra's own reading of the overrides. Raises SettingsError that names the one at fault."""
    if sum(map(len, texts)) > LONGEST_OF_ALL:
        raise SettingsError(
            f"the overrides have more than {LONGEST_OF_ALL} characters; "
            "what is long can stand in a file, see --config-dir"
        )
    return [_parsed(text) for text in texts]


def quoted(text: str) -> str:
    """A text as the value of an override that says just this, in quotes where it needs them."""
    if _BARE.fullmatch(text) and _parsed(f"key={text}").value() == text:  # no number, no null
        return text
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), text)
    return f"'{escaped}'"


@lru_cache(maxsize=2**16)  # a sweep's texts come again in every combination; each takes 1 ms
def _parsed(text: str) -> Override:
    refusal = _unreadable(text)
    if refusal is not None:
        raise SettingsError(f"cannot read '{shown(text)}': {refusal}")
    try:
        override = OverridesParser.create().parse_override(text)
        override.value()  # quotes are taken off here, not while it is read
    except (HydraException, OmegaConfBaseException, ValueError, TypeError) as error:
        reason = shown(next(iter(str(error).splitlines()), ""), 160)
        raise SettingsError(f"cannot read '{shown(text)}': {reason}; write key=value") from error
    return override


def _unreadable(text: str) -> str | None:
    """Why Hydra's parser is not asked: it would take too long, or more than Python's stack."""
    if len(text) > LONGEST:
        return f"it has {len(text)} characters; {LONGEST} are allowed"
    key = text.partition("=")[0]
    if not key.partition("@")[0].strip("+~ "):
        return "it names no key; write key=value"
    if len(key) > LONGEST_KEY:
        return f"its key has {len(key)} characters; {LONGEST_KEY} are allowed"
    depths = accumulate((char in "([{") - (char in ")]}") for char in text)
    if max(depths, default=0) > DEEPEST:
        return f"brackets are nested more than {DEEPEST} deep"
    digits = max(map(len, _DIGITS.findall(text)), default=0)
    if digits > MOST_DIGITS:
        return f"a number of {digits} digits; {MOST_DIGITS} are allowed"
    return None
