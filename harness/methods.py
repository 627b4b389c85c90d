"""The strategies and baselines by name, and where each stands: told without loading any.

conf/ holds variants of them alone. Those of installed packages stand beside these.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.plugins import Group, plugin_names

GROUPS = ("strategy", "baseline")  # of the configuration
TWIN = "twin"  # a baseline that no code builds: the first strategy's kernel once more

STRATEGIES = {
    "fixed": "harness.strategy.fixed:FIXED",
    "polydl": "harness.strategy.first_choice:POLYDL",
    "polydl_tournament": "harness.strategy.first_choice:POLYDL_TOURNAMENT",
    "polydl_tree": "harness.strategy.first_choice:POLYDL_TREE",
    "roofline": "harness.strategy.first_choice:ROOFLINE",
    "survey": "harness.strategy.survey:SURVEY",
    "top_k": "harness.strategy.top_k:TOP_K",
    "tournament": "harness.strategy.tournament:TOURNAMENT",
}
BASELINES = {
    "autotvm": "harness.baseline.tvm.autotvm:AUTOTVM",
    "blas": "harness.baseline.blas.blas:BLAS",
    "libxsmm": "harness.baseline.libxsmm.libxsmm:LIBXSMM",
    "metaschedule": "harness.baseline.tvm.metaschedule:METASCHEDULE",
    "naive": "harness.baseline.naive:NAIVE",
    "onednn": "harness.baseline.onednn.onednn:ONEDNN",
    "onnxruntime": "harness.baseline.onnxruntime.onnxruntime:ONNXRUNTIME",
}
_ADDED: Mapping[str, tuple[Group, ...]] = {
    "strategy": ("polydl.strategies", "polydl.rankings"),
    "baseline": ("polydl.baselines",),
}


def method_names(group: str) -> tuple[str, ...]:
    """What `strategy=` or `baseline=` may name, but for files; nothing of other groups."""
    own = {"strategy": STRATEGIES, "baseline": {**BASELINES, TWIN: ""}}.get(group, {})
    added = [name for one in _ADDED.get(group, ()) for name in plugin_names(one)]
    return tuple(sorted({*own, *added}))
