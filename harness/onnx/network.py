"""An ONNX file as a workload: problems, how often each occurs, and the nodes in none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.errors import CompilerError, ProblemError, shown
from compiler.problem.names import checked_label
from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph
from harness.onnx.grouping import NO_ARITHMETIC, Group, LeftOut, grouped
from harness.onnx.statements import Spec, Written, written

LONGEST = 200  # characters of a reason
STEM = 48  # characters of a file's name in its problems' names


@dataclass(frozen=True)
class Network:
    """`primitives` are those that are no file of conf/; `facts` what is recorded of the nodes."""

    entries: tuple[dict[str, Any], ...]
    primitives: Mapping[str, Spec]
    facts: Mapping[str, Any]


def network_of(graph: Graph, path: Path, files: Mapping[str, Any]) -> Network:
    """The problems of a graph; `files` are those of conf/primitive/. SettingsError for none."""
    grouping = grouped(graph)
    left_out = list(grouping.left_out)
    primitives: dict[str, Spec] = {}
    found: dict[str, dict[str, Any]] = {}  # by what they are
    stem = _stem(path)
    for group in grouping.groups:
        try:
            one = _distinct(_checked(group, graph, files), primitives)
        except (Inexpressible, CompilerError) as error:
            left_out += [LeftOut(node, str(error)) for node in group.nodes]
            continue
        if one.own:
            primitives[one.name] = one.spec
        key = repr((one.name, one.sizes))
        named = {"name": f"{stem}_{len(found):02}", "primitive": one.name, "sizes": one.sizes}
        entry = found.setdefault(key, {**named, "count": 0, "nodes": []})
        entry["count"] += 1
        entry["nodes"].append(" ".join(node.name for node in group.nodes))
    if not found:
        why = "; ".join(f"{one.node.op}: {one.reason}" for one in left_out[:3])
        why = why or "all are views or constants"
        raise SettingsError(
            f"{path.name}: none of its {len(graph.nodes)} nodes is a problem: {why}"
        )
    facts = {
        "file": path.name,
        "nodes": len(graph.nodes),
        "nothing": len(grouping.nothing),
        "left_out": [
            {"node": one.node.name, "op": one.node.op, "reason": shown(one.reason, LONGEST)}
            for one in left_out
        ],
    }
    return Network(tuple(found.values()), primitives, facts)


def _checked(group: Group, graph: Graph, files: Mapping[str, Any]) -> Written:
    """What is written of a group. Raises where the compiler does not take it."""
    one = written(group, graph, files)
    primitive = primitive_from({**one.spec, "sizes": {**one.spec["sizes"], **one.sizes}})
    if not primitive.flops:
        raise Inexpressible(NO_ARITHMETIC)
    return one


def _distinct(one: Written, primitives: Mapping[str, Spec]) -> Written:
    """Under a name that no other primitive of the network has."""
    name, number = one.name, 2
    while one.own and name in primitives and not _alike(primitives[name], one.spec):
        name, number = f"{one.name}_{number}", number + 1
    return Written(name, {**one.spec, "name": name}, one.sizes, one.own)


def _alike(one: Spec, other: Spec) -> bool:
    """The same but for names and sizes, which each problem has of its own."""
    own = ("name", "sizes")
    return {k: v for k, v in one.items() if k not in own} == {
        k: v for k, v in other.items() if k not in own
    } and one["sizes"].keys() == other["sizes"].keys()


def _stem(path: Path) -> str:
    """The file's name as the beginning of an identifier."""
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", path.stem).strip("_")[:STEM].strip("_")
    try:
        return checked_label(stem, "model")
    except ProblemError:
        return f"model_{stem}".rstrip("_")
