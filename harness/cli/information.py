"""Hydra's own answers about the configuration: --help, --cfg, --info and shell completion."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO

import hydra
from omegaconf import DictConfig

from compiler.errors import shown
from harness.cli.rooms import COMMANDS, COMPLETION
from harness.errors import HarnessError, SettingsError
from harness.settings.composition import CONF, as_hydra_takes_it, composed
from harness.settings.conversion import settings_from
from harness.settings.request import request_from
from harness.settings.schema import register

_CHOICES = {
    "--cfg": ("job", "hydra", "all"),
    "-c": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "-i": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
_LONG = {  # options with a value, in the form that takes it after =
    "--package": "--package",
    "-p": "--package",
    "--config-dir": "--config-dir",
    "-cd": "--config-dir",
}


def main(arguments: Sequence[str]) -> int:
    """Let hydra.main answer. Overrides are checked first, so that a mistake stays one line."""
    options, overrides = _apart(arguments)
    if arguments and arguments[0].split("=")[0] in COMPLETION:
        _forget_command_word()
    else:
        kept = [w for w in options if w.partition("=")[0] in ("--config-dir", "-m", "--multirun")]
        composed(request_from([*kept, *overrides]), settings_from)
    register()
    sys.argv = ["polydl", *options, *(_addable(text) for text in overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise it; else Hydra prints tracebacks of its own
    said = StringIO()
    try:
        with redirect_stderr(said):  # argparse's usage, in which the mistake is the last line
            hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(
                _delivered
            )()
    except HarnessError:
        raise
    except Exception as error:
        raise SettingsError(shown(" ".join(str(error).split()), 200)) from error
    except SystemExit as end:
        if end.code not in (0, None):
            lines = said.getvalue().strip().splitlines() or [str(end.code)]
            raise SettingsError(shown(lines[-1].removeprefix("polydl: error: "), 200)) from end
    sys.stderr.write(said.getvalue())
    return 0


def _delivered(config: DictConfig) -> None:
    """hydra.main calls this when no information was asked for, which does not happen here."""


def _apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options first, each in one word; overrides after them (Hydra refuses them on both sides)."""
    options: list[str] = []
    overrides: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _CHOICES:
            value = rest.pop(0) if rest and rest[0] in _CHOICES[word] else _CHOICES[word][0]
            long = "--cfg" if word in ("--cfg", "-c") else "--info"
            options.append(f"{long}={value}")
        elif word in _LONG and rest:
            options.append(f"{_LONG[word]}={rest.pop(0)}")
        elif word.startswith("-"):
            options.append(word)
        else:
            overrides.append(word)
    return options, overrides


def _addable(text: str) -> str:
    """Hydra wants ++ before keys that a mapping does not have yet; we allow some without."""
    if text.startswith(("workload.sizes.", "primitive.")):
        return f"++{text}"
    return as_hydra_takes_it(text)


def _forget_command_word() -> None:
    """The shell completes `polydl run prim`; Hydra completes `polydl prim`."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split(" ")
    if len(words) > 1 and words[1] in COMMANDS:
        rest = " ".join([words[0], *words[2:]])
        os.environ["COMP_LINE"] = rest
        os.environ["COMP_POINT"] = str(len(rest))
