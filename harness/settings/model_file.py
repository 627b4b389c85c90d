"""The file that `polydl train` writes: a tournament's network as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.cost.tournament import classifier_from
from compiler.errors import CompilerError
from harness.errors import SettingsError

KEY = "strategy.tournament.model"


def read_model(path: Path) -> Mapping[str, Any]:
    """The plain data that the compiler takes. SettingsError when the file holds no network."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        classifier_from(data, str(path))
    except OSError as error:
        raise SettingsError(f"{KEY}: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{KEY}: {path} is no JSON") from error
    except CompilerError as error:
        raise SettingsError(f"{KEY}: {error}") from error
    held: Mapping[str, Any] = data
    return held
