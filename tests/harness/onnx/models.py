"""ONNX files made for tests, and the ones that the onnx package brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from harness.conf_files import CONF
from harness.onnx.graph import Graph, graph_from
from harness.onnx.network import Network, network_of
from harness.onnx.start import Start
from harness.onnx.starts import start_of
from harness.onnx.worker import document

PUBLIC = Path(onnx.__file__).parent / "backend" / "test" / "data"
FILES = {
    path.stem: yaml.safe_load(path.read_text()) for path in (CONF / "primitive").glob("*.yaml")
}
Dims = Sequence[int | str | None]


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """`node("Conv", "x w", "y", group=2)`; a `.` is an input that is left out."""
    names = ["" if name == "." else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def model(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Dims],
    outputs: str,
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
    element: int = TensorProto.FLOAT,
) -> ModelProto:
    """A network; constants are shapes, filled by a seed, or values."""
    random = np.random.default_rng(0)
    held = [
        numpy_helper.from_array(
            random.uniform(0.5, 1.5, value).astype(np.float32)
            if isinstance(value, tuple)
            else np.asarray(value),
            name,
        )
        for name, value in (constants or {}).items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info(name, element, dims) for name, dims in inputs.items()],
        [helper.make_tensor_value_info(name, element, None) for name in outputs.split()],
        held,
    )
    imports = [helper.make_opsetid("", opset)]
    imports += [helper.make_opsetid(d, 1) for d in {n.domain for n in nodes} if d]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def saved(made: ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path


def graph_of(path: Path, dimensions: Mapping[str, int] | None = None) -> Graph:
    """Read in this process."""
    return graph_from(document(path, dimensions or {}))


def network(path: Path, dimensions: Mapping[str, int] | None = None) -> Network:
    return network_of(graph_of(path, dimensions), path, FILES)


def start(made: NodeProto, folder: Path, opset: int = 17, **inputs: tuple[int, ...]) -> Start:
    """What one node begins. Raises Inexpressible."""
    graph = graph_of(saved(model([made], inputs, "y", opset=opset), folder))
    return start_of(graph.nodes[0], graph)
