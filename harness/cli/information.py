"""Hydra's own answers about the configuration: --cfg and --info."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stderr
from io import StringIO

import hydra
from omegaconf import DictConfig

from compiler.errors import shown
from harness.cli.asked import Configured, Run
from harness.conf_files import CONF
from harness.errors import HarnessError, SettingsError
from harness.settings.composition import as_hydra_takes_it, composed
from harness.settings.conversion import settings_from
from harness.settings.request import request_from
from harness.settings.schema import register


def main(asked: Configured) -> int:
    """Let hydra.main answer. Overrides are checked first, so that a mistake stays one line."""
    kept = [word for word in _options(asked) if word.startswith(("--config-dir", "--multirun"))]
    composed(request_from([*kept, *asked.overrides]), settings_from)
    register()
    sys.argv = ["polydl", *_options(asked), *(_addable(text) for text in asked.overrides)]
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


def _options(asked: Configured) -> list[str]:
    """As Hydra takes them: before the overrides, each in one word."""
    given = {"cfg": asked.cfg, "info": asked.info, "package": asked.package}
    given["config-dir"] = asked.config_dir
    bare = {"multirun": isinstance(asked, Run) and asked.multirun, "resolve": asked.resolve}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return words + [f"--{name}" for name, is_given in bare.items() if is_given]


def _addable(text: str) -> str:
    """Hydra wants ++ before keys that a mapping does not have yet; we allow some without."""
    if text.startswith(("workload.sizes.", "primitive.")):
        return f"++{text}"
    return as_hydra_takes_it(text)
