"""The file that `polydl train` writes: a tournament's network as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.cost.tournament_file import tournament_from
from compiler.errors import CompilerError, shown
from harness.errors import SettingsError, Unreadable
from harness.outside import json_of, path_of, read_text

KEY = "strategy.tournament.model"


def read_model(path: Path) -> Mapping[str, Any]:
    """The plain data that the compiler takes. SettingsError when the file holds no network."""
    try:
        data = json_of(read_text(path_of(path)))
        tournament_from(data, str(path))
    except ValueError as error:
        raise SettingsError(f"{KEY}: {path} is no JSON: {shown(error)}") from error
    except (CompilerError, Unreadable) as error:
        raise SettingsError(f"{KEY}: {error}") from error
    held: Mapping[str, Any] = data
    return held
