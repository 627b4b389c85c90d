"""The one place that loads heavy rooms, by name and only when a command needs them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from harness.errors import EnvironmentProblem
from harness.extras import EXTRAS, installing


def command(file: str) -> Callable[[Any], int]:
    """A command's `main`, by its file: what is asked of it to its exit status."""
    main: Callable[[Any], int] = import_module(f"harness.cli.{file}").main
    return main


def room(name: str) -> Any:
    """A module that needs an extra. Raises EnvironmentProblem with the installing command."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        raise EnvironmentProblem(
            f"{missing} is not installed; install it with: {installing(missing)}"
        ) from error
