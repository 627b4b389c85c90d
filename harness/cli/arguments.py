"""Arguments of the commands that take a recorded campaign instead of a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from compiler.errors import shown
from harness.errors import SettingsError
from harness.record.configuration import Tracking, recorded_tracking
from harness.record.journal import CampaignFolder

EXPERIMENT = "polydl"


def names_and_options(
    arguments: Sequence[str], usage: str, keys: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Bare words, and `KEY=VALUE` options. Raises SettingsError with the usage."""
    names: list[str] = []
    options: dict[str, str] = {}
    for word in arguments:
        key, equals, value = word.partition("=")
        if not equals and not word.startswith("-"):
            names.append(word)
        elif key.removeprefix("tracking.") in keys and value:
            options[key.removeprefix("tracking.")] = value
        else:
            raise SettingsError(f"unknown argument '{shown(word)}'; usage: {usage}")
    return names, options


def campaign_argument(
    arguments: Sequence[str], usage: str, keys: Sequence[str], optional: bool = False
) -> tuple[str | None, dict[str, str]]:
    """The campaign's name and `tracking.KEY=VALUE` options. Raises SettingsError with the usage."""
    names, options = names_and_options(arguments, usage, keys)
    if len(names) > 1 or (not names and not optional):
        raise SettingsError(f"{'more than one' if names else 'no'} campaign; usage: {usage}")
    return (names[0] if names else None), options


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """The number that an option gives. Raises SettingsError."""
    digits = re.fullmatch(r"-?[0-9]{1,18}", text)
    if digits is None or not least <= int(text) <= most:
        raise SettingsError(f"{name} must be a number from {least} to {most}, got {shown(text)}")
    return int(text)


def tracking_of(folder: CampaignFolder, options: Mapping[str, str]) -> tuple[str | None, str]:
    """Address and experiment: the options', else what the campaign was run with."""
    recorded = Tracking()
    if folder.configuration.is_file():
        recorded = recorded_tracking(folder.configuration)
    uri = options.get("uri", recorded.uri)
    return uri, options.get("experiment") or recorded.experiment or EXPERIMENT
