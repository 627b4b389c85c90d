"""The baselines by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.baseline.baseline import Baseline
from harness.baseline.onednn.onednn import onednn
from harness.errors import SettingsError

Options = Mapping[str, object]

BUILDERS: dict[str, Callable[[Options, Path], Baseline]] = {
    "onednn": onednn,
}


def baseline_named(name: str, options: Options | None, cache_dir: Path) -> Baseline:
    """The baseline of this name with its own settings; an unknown name lists the known ones.

    `cache_dir` holds what it builds, its tuning logs and its tool environment.
    """
    if name not in BUILDERS:
        known = ", ".join(sorted(BUILDERS))
        raise SettingsError(f"baseline: unknown '{name}'; known: {known}")
    return BUILDERS[name](options or {}, cache_dir)
