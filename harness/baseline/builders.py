"""The baselines by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.baseline.baseline import Baseline
from harness.baseline.onednn import onednn
from harness.errors import SettingsError

BUILDERS: dict[str, Callable[[Mapping[str, object]], Baseline]] = {
    "onednn": onednn,
}


def baseline_named(name: str, options: Mapping[str, object] | None = None) -> Baseline:
    """The baseline of this name with its own settings; an unknown name lists the known ones."""
    if name not in BUILDERS:
        known = ", ".join(sorted(BUILDERS))
        raise SettingsError(f"baseline: unknown '{name}'; known: {known}")
    return BUILDERS[name](options or {})
