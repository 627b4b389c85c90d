"""The baselines by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.baseline.baseline import Baseline
from harness.baseline.blas.blas import blas
from harness.baseline.libxsmm.libxsmm import TOOL as LIBXSMM
from harness.baseline.libxsmm.libxsmm import libxsmm
from harness.baseline.naive import naive
from harness.baseline.onednn.onednn import TOOL as WINOGRAD
from harness.baseline.onednn.onednn import onednn
from harness.baseline.tool.environment import Tool
from harness.baseline.tvm.autotvm import TOOL as AUTOTVM
from harness.baseline.tvm.autotvm import autotvm
from harness.baseline.tvm.metaschedule import TOOL as METASCHEDULE
from harness.baseline.tvm.metaschedule import metaschedule
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain

Options = Mapping[str, object]

BUILDERS: dict[str, Callable[[Options, Toolchain], Baseline]] = {
    "autotvm": autotvm,
    "blas": blas,
    "libxsmm": libxsmm,
    "metaschedule": metaschedule,
    "naive": naive,
    "onednn": onednn,
}

# Options of conf/baseline that are another one with settings of their own.
VARIANTS: dict[str, tuple[str, Options]] = {
    "onednn_winograd": ("onednn", {"algorithm": "winograd"})
}

# Tool environments by the baseline that needs one.
TOOLS: dict[str, Tool] = {tool.name: tool for tool in (AUTOTVM, LIBXSMM, METASCHEDULE, WINOGRAD)}


def baseline_named(name: str, options: Options | None, toolchain: Toolchain) -> Baseline:
    """The baseline of this name with its own settings; an unknown name lists the known ones.

    The cache of `toolchain` holds what it builds, its tuning logs and its tool environment.
    """
    if name not in BUILDERS:
        known = ", ".join(sorted(BUILDERS))
        raise SettingsError(f"baseline: unknown '{name}'; known: {known}")
    return BUILDERS[name](options or {}, toolchain)
