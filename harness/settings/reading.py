"""Overrides held against what is read: one that changes nothing is refused, with what would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hydra.core.override_parser.types import Override

from compiler.errors import shown
from harness.conf_files import keys
from harness.errors import SettingsError
from harness.readers import Reader, instead, kinds_that_read, reads


def check_read(overrides: Iterable[Override], reader: Reader) -> None:
    """Raises SettingsError for an override of what the reader does not read."""
    for override in overrides:
        key = _key(override)
        if not reads(reader, key):
            read = ", ".join(known.name for known in keys() if reads(reader, known.name))
            told = instead(reader, key) or f"what is read: {read}"
            raise SettingsError(f"{_text(override)} changes nothing here ({reader}); {told}")


def check_kinds(overrides: Iterable[Override], chosen: Mapping[str, str]) -> None:
    """Raises SettingsError for an override of what its group's `chosen` option does not read."""
    for override in overrides:
        key = _key(override)
        root = key.partition(".")[0]
        kinds = kinds_that_read(key)
        if kinds and chosen[root] not in kinds:
            needed = " or ".join(f"{root}={kind}" for kind in kinds)
            told = f"{_text(override)} changes nothing with {root}={chosen[root]}"
            raise SettingsError(f"{told}; it needs {needed}")


def _key(override: Override) -> str:
    return override.key_or_group.replace("/", ".")


def _text(override: Override) -> str:
    return shown(override.input_line, 60)
