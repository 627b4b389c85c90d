"""The baselines by name: those here, and those of installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from compiler.errors import shown
from harness.baseline.baseline import Available, Baseline, Builder, Missing
from harness.baseline.libxsmm.libxsmm import TOOL as LIBXSMM
from harness.baseline.onednn.onednn import TOOL as WINOGRAD
from harness.baseline.tool.environment import Tool
from harness.baseline.tvm.autotvm import TOOL as AUTOTVM
from harness.baseline.tvm.metaschedule import TOOL as METASCHEDULE
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from harness.methods import BASELINES, TWIN
from harness.options import options_from
from harness.plugins import loaded, plugins

Options = Mapping[str, Any]

# Options of conf/baseline that are another one with settings of their own.
VARIANTS: dict[str, tuple[str, Options]] = {
    "onednn_winograd": ("onednn", {"algorithm": "winograd"})
}

# Tool environments by the baseline that needs one.
TOOLS: dict[str, Tool] = {tool.name: tool for tool in (AUTOTVM, LIBXSMM, METASCHEDULE, WINOGRAD)}


def known_builders() -> Mapping[str, Builder[Any]]:
    """Raises EnvironmentProblem where a package's baseline cannot be used."""
    taken = {*BASELINES, *VARIANTS, TWIN}
    added = plugins("polydl.baselines", lambda found: isinstance(found, Builder), taken)
    return {**_own(), **added}


@cache
def _own() -> Mapping[str, Builder[Any]]:
    return loaded(BASELINES)


def baseline_named(name: str, options: Options | None, toolchain: Toolchain) -> Baseline:
    """The baseline of this name with its own settings; an unknown name lists the known ones."""
    known = known_builders()
    if name not in known:
        raise SettingsError(f"baseline: unknown '{name}'; known: {', '.join(sorted(known))}")
    builder = known[name]
    made: Baseline = builder.build(
        options_from(builder.options, options or {}, f"baseline.{name}"), toolchain
    )
    return made


def availability(name: str, options: Options | None, toolchain: Toolchain) -> Available | Missing:
    """Whether a known baseline can be used here; one that fails to tell is missing."""
    try:
        found = baseline_named(name, options, toolchain).available()
        if not isinstance(found, Available | Missing):
            raise TypeError(f"available() gave {type(found).__name__}")
    except Exception as fault:  # a package's baseline is other people's code
        reason = f"{type(fault).__name__}: {shown(fault, 120)}"
        return Missing(reason, "an update of the package that adds it")
    return found
