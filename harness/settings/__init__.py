"""The configuration: Hydra composes it, frozen values leave. Nobody else sees a `cfg`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.settings.composition import composed
from harness.settings.conversion import cache_folder, problems_of, settings_from
from harness.settings.request import parsed, request_from
from harness.settings.values import Settings

__all__ = ["Settings", "cache_folder", "load_settings", "problems_of"]


def load_settings(arguments: Sequence[str]) -> tuple[Settings, ...]:
    """The settings that a command's arguments ask for, one for each combination of a sweep.

    Raises SettingsError: one line, with what is known where a name is not.
    """
    request = request_from(arguments)
    experiment = None
    for override in parsed(request.overrides):
        if override.key_or_group == "experiment" and isinstance(override.value(), str):
            experiment = str(override.value())
    return composed(request, partial(settings_from, experiment=experiment))
