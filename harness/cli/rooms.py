"""The one place that loads heavy rooms, by name and only when a command needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from harness.errors import EnvironmentProblem, SettingsError

COMMANDS = (
    *("run", "explain", "doctor", "list", "show", "sync"),
    *("train", "dashboard", "baseline", "clean"),
)
FILES = {"list": "listing"}  # a module `list` would hide the builtin from its neighbours
CONFIGURED = ("run", "explain", "doctor")  # commands that take overrides
INFORMATION = ("--help", "-h", "--cfg", "-c", "--info", "-i", "--hydra-help", "--resolve")
COMPLETION = ("--shell-completion", "-sc")

_EXTRAS = {"ray": "cluster", "mlflow": "tracking", "sklearn": "learn"}


def command(name: str) -> Callable[[Sequence[str]], int]:
    """A command's `main`: its arguments to its exit status."""
    if name not in (*COMMANDS, "information"):
        raise SettingsError(f"unknown command; known: {', '.join(COMMANDS)}")
    main: Callable[[Sequence[str]], int] = import_module(
        f"harness.cli.{FILES.get(name, name)}"
    ).main
    return main


def asks_for_information(name: str, words: Sequence[str]) -> bool:
    """Whether Hydra is to answer about the configuration (--cfg job) instead of the command."""
    return name in CONFIGURED and any(word.partition("=")[0] in INFORMATION for word in words)


def room(name: str) -> Any:
    """A module that needs an extra. Raises EnvironmentProblem with the installing command."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        raise EnvironmentProblem(
            f"{missing} is not installed; install it with: pip install -e '.[{_EXTRAS[missing]}]'"
        ) from error
