"""The user's own folder of configuration files (--config-dir), read within bounds.

Hydra reads a file with YAML's loader, which writes aliases out and recurses into nests: a file of
one kilobyte can take all memory. So each is read and counted first, as any file that users name.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from compiler.errors import shown
from harness.errors import SettingsError
from harness.outside import check_yaml, read_text, yaml_reason

SCHEME = "user"
MOST_BYTES = 2**20  # of a file


class UserFolder(FileConfigSource):
    """A source of Hydra's: a folder as `user:///path`."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        """The options of one file. Raises SettingsError that names it."""
        file = Path(os.path.realpath(Path(self.path, self._normalize_file_name(config_path))))
        if not file.exists():
            raise ConfigLoadError(f"Config not found : {file}")
        text = read_text(file, MOST_BYTES)
        try:
            check_yaml(text)
            header = ConfigSource._get_header_dict(text[:512])
            config = OmegaConf.load(io.StringIO(text))
        except YAMLError as error:
            raise SettingsError(f"{shown(file, 120)}: {yaml_reason(error)}") from error
        except (ValueError, TypeError, OmegaConfBaseException) as error:
            reason = next(iter(str(error).splitlines()), "")
            raise SettingsError(f"{shown(file, 120)}: {shown(reason, 160)}") from error
        if not isinstance(config, DictConfig):
            raise SettingsError(f"{shown(file, 120)}: must hold a mapping")
        return ConfigResult(
            provider=self.provider, path=f"{SCHEME}://{self.path}", config=config, header=header
        )


def searched(folder: Path) -> str:
    """The override that adds the folder to what Hydra searches. Raises SettingsError."""
    if "${" in str(folder):
        raise SettingsError(f"--config-dir: {shown(folder)}: '${{' cannot be in its name")
    Plugins.instance().register(UserFolder)
    quoted = str(folder).replace("'", "\\'")
    return f"hydra.searchpath=['{SCHEME}://{quoted}']"
