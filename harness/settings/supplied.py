"""Entries that a workload's file does not hold: problems of other files, and drawn ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from compiler.errors import shown
from harness.benchdnn.batch import entries_in
from harness.errors import SettingsError
from harness.onnx.graph import Graph
from harness.onnx.network import network_of
from harness.onnx.reading import read_graph
from harness.random_nests import random_nests

Plain = dict[str, Any]
Dimensions = tuple[tuple[str, int], ...]
# The workloads whose entries come from elsewhere.
_BENCHDNN = "benchdnn"
_RANDOM = "random"
_ONNX = "onnx"
LARGEST_DIMENSION = 2**31 - 1


@dataclass(frozen=True)
class Sources:
    """How files are read: benchdnn's as entries, ONNX's as graphs."""

    entries: Callable[[Path], Sequence[Mapping[str, Any]]]
    graph: Callable[[Path, Dimensions], Graph]

    def cached(self) -> Sources:
        """Each file is read once."""
        return Sources(cache(self.entries), cache(self.graph))


SOURCES = Sources(entries_in, lambda path, dimensions: read_graph(path, dict(dimensions)))


def supplied(plain: Plain, sources: Sources) -> Plain:
    """The configuration with those entries in it. Raises SettingsError."""
    plain = {**plain, "workload": _with_batch(plain["workload"], sources)}
    return _with_model(_with_random(plain), sources)


def _with_batch(workload: Plain, sources: Sources) -> Plain:
    entries, batch = workload["entries"], workload["batch"]
    if batch is None:
        if entries.get(_BENCHDNN) == []:
            raise SettingsError(
                f"workload={_BENCHDNN} needs a file in benchdnn's format: workload.batch=FILE"
            )
        return workload
    if _BENCHDNN not in entries:
        raise SettingsError(f"workload.batch={batch} needs workload={_BENCHDNN}")
    read = [dict(entry) for entry in sources.entries(Path(batch))]
    return {**workload, "entries": {**entries, _BENCHDNN: read}, "batch": None}


def _with_random(plain: Plain) -> Plain:
    workload = plain["workload"]
    asked = {key: workload[key] for key in ("seed", "count") if workload[key] is not None}
    if not asked:
        return plain
    if workload["entries"].get(_RANDOM) != []:
        told = ", ".join(f"workload.{key}={value}" for key, value in asked.items())
        raise SettingsError(f"{told}: only workload={_RANDOM} takes a seed and a count")
    if len(asked) == 1:
        raise SettingsError(f"workload={_RANDOM} needs workload.seed and workload.count")
    drawn = {str(spec["name"]): spec for spec in random_nests(**asked)}
    entries = [{"name": name, "primitive": name} for name in drawn]
    return {
        **plain,
        "primitives": {**plain["primitives"], _RANDOM: drawn},
        "workload": {
            **workload,
            "entries": {**workload["entries"], _RANDOM: entries},
            "seed": None,
            "count": None,
        },
    }


def _with_model(plain: Plain, sources: Sources) -> Plain:
    workload = plain["workload"]
    model, dimensions = workload["model"], workload["dimensions"]
    if model is None:
        if dimensions:
            raise SettingsError("workload.dimensions needs workload=onnx and workload.model=FILE")
        if workload["entries"].get(_ONNX) == []:
            raise SettingsError(f"workload={_ONNX} needs an ONNX file: workload.model=FILE")
        return plain
    if _ONNX not in workload["entries"]:
        raise SettingsError(f"workload.model={shown(model)} needs workload={_ONNX}")
    for name, size in dimensions.items():
        if not 1 <= size <= LARGEST_DIMENSION:
            allowed = f"1 to {LARGEST_DIMENSION}"
            raise SettingsError(f"workload.dimensions.{name} must be {allowed}, got {shown(size)}")
    graph = sources.graph(Path(model), tuple(sorted(dimensions.items())))
    loaded = plain["primitives"].get(_ONNX, {})
    network = network_of(graph, Path(model), loaded)
    used = {entry["primitive"] for entry in network.entries}
    files = {name: spec for name, spec in loaded.items() if name in used}
    return {
        **plain,
        "primitives": {**plain["primitives"], _ONNX: {**files, **network.primitives}},
        "workload": {
            **workload,
            "entries": {**workload["entries"], _ONNX: list(network.entries)},
            "model": None,
            "dimensions": {},
            "network": dict(network.facts),
        },
    }
