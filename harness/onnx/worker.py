"""A process of its own that reads an ONNX file and prints what problems are made of, as JSON.

Its argument is JSON too: {path, dimensions}. Parsing and shape inference run in C++ on a file that
may hold anything: here they can crash or take too much without the caller. Weights are not read:
whatever is large becomes an input of its type and shape, and so nothing outside the file is opened.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError, Message
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from compiler.errors import shown
from harness.errors import SettingsError, Unreadable
from harness.nearest import listed
from harness.onnx.dimensions import identifier, sizes_told
from harness.outside import read_bytes

MOST_BYTES = 2**31 - 1  # of a file: protobuf's own limit
MOST_MEMORY = 2**33
MOST_NODES = 100_000
MOST_ELEMENTS = 1024  # of a tensor that stays in the graph: shapes, axes, bounds of a clip
MOST_VALUES = 64  # of one whose values are told
_OWN_DOMAINS = {"": "ai.onnx", "ai.onnx": "ai.onnx"}
_ATTRIBUTES: dict[Any, Callable[[AttributeProto], Any]] = {
    AttributeProto.INT: lambda a: a.i,
    AttributeProto.FLOAT: lambda a: a.f,
    AttributeProto.STRING: lambda a: a.s.decode("utf-8", "replace"),
    AttributeProto.INTS: lambda a: list(a.ints),
    AttributeProto.FLOATS: lambda a: list(a.floats),
}

_NUMBERS = (AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.INTS, AttributeProto.FLOATS)


def main() -> None:
    asked = json.loads(sys.argv[1])
    _limit_memory()
    try:
        told = document(Path(asked["path"]), asked["dimensions"])
    except Unreadable as error:
        told = {"unreadable": str(error)}
    except SettingsError as error:
        told = {"refused": str(error)}
    except MemoryError:
        told = {"refused": f"reading it takes more than {MOST_MEMORY} bytes of memory"}
    json.dump(told, sys.stdout)


def _limit_memory() -> None:
    """To MOST_MEMORY, or to what this process is already limited to."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def document(path: Path, dimensions: Mapping[str, int]) -> dict[str, Any]:
    """The graph as plain data. Raises SettingsError, whose text does not name the file."""
    model = _parsed(read_bytes(path, MOST_BYTES))
    _check_names(model)
    opset = _opset(model)
    for tensor in _tensors(model.graph):
        _check_place(tensor)
    constants, values = _lightened(model)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _check_order(model.graph, constants)
    _check_operators(model.graph, opset)
    _set_dimensions(model, constants, dimensions)
    graph = _inferred(model).graph
    held = [_as_input(tensor.name, tensor) for tensor in graph.initializer]
    known = [*held, *graph.input, *graph.value_info, *graph.output]
    kinds = {value.name: value.type.tensor_type for value in known}
    return {
        "opset": opset,
        "nodes": [_node(node) for node in graph.node],
        "shapes": {
            name: shape for name, kind in kinds.items() if (shape := _shape(kind)) is not None
        },
        "types": {name: TensorProto.DataType.Name(kind.elem_type) for name, kind in kinds.items()},
        "constants": sorted(constants),
        "values": values,
        "outputs": [value.name for value in graph.output],
    }


def _parsed(held: bytes) -> ModelProto:
    try:
        model: ModelProto = ModelProto.FromString(held)
    except DecodeError as error:
        raise SettingsError("it is no ONNX model") from error
    if not model.ir_version or not model.graph.node:
        raise SettingsError("it is no ONNX model, or one without nodes")
    if len(model.graph.node) > MOST_NODES:
        raise SettingsError(f"{len(model.graph.node)} nodes; {MOST_NODES} are allowed")
    if model.ir_version > onnx.IR_VERSION:
        raise SettingsError(
            f"format {model.ir_version}; onnx {onnx.__version__} knows 1 to {onnx.IR_VERSION}"
        )
    return model


def _check_names(message: Message) -> None:
    """Every name is a text: protobuf hands on what is no UTF-8 as bytes."""
    for described, held in message.ListFields():
        if described.type not in (described.TYPE_MESSAGE, described.TYPE_STRING):
            continue
        for one in [held] if isinstance(held, Message | str | bytes) else held:
            if isinstance(one, bytes):
                raise SettingsError(f"a name is no UTF-8 text: {shown(one, 60)}")
            if isinstance(one, Message):
                _check_names(one)


def _opset(model: ModelProto) -> int:
    """The version of ONNX's own operators."""
    versions = [o.version for o in model.opset_import if o.domain in _OWN_DOMAINS]
    newest: int = onnx.defs.onnx_opset_version()
    if not versions and all(node.domain not in _OWN_DOMAINS for node in model.graph.node):
        return newest
    if len(set(versions)) != 1 or not 1 <= versions[0] <= newest:
        told = ", ".join(map(str, versions)) or "none"
        raise SettingsError(f"opset {told} of ai.onnx; onnx {onnx.__version__} knows 1 to {newest}")
    return int(versions[0])


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor that the graph holds, subgraphs' among them."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in _graphs(attribute):
                yield from _tensors(inner)


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _check_place(tensor: TensorProto) -> None:
    """Data beside the model must lie in its folder, though they are not read."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return
    place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    path = PurePosixPath(place.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        name = shown(tensor.name, 60)
        raise SettingsError(f"the data of '{name}' lie outside the model's folder: {shown(place)}")


def _lightened(model: ModelProto) -> tuple[set[str], dict[str, list[float]]]:
    """Names of all constants, and values of the small ones; large ones are inputs afterwards."""
    graph, values = model.graph, dict[str, list[float]]()
    inputs = {value.name for value in graph.input}
    constants = {tensor.name for tensor in graph.initializer}
    kept = []
    for tensor in graph.initializer:
        if _is_light(tensor):
            kept.append(tensor)
            _tell(tensor.name, tensor, values)
        elif tensor.name not in inputs:
            graph.input.append(_as_input(tensor.name, tensor))
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        constants.add(name)
        made = TensorProto(data_type=sparse.values.data_type, dims=sparse.dims)
        graph.input.append(_as_input(name, made))
    nodes = []
    for node in graph.node:
        held = next((a.t for a in node.attribute if a.name == "value" and a.HasField("t")), None)
        if node.op_type != "Constant" or held is None or len(node.output) != 1:
            nodes.append(node)
            values.update(_plain_values(node) if len(node.output) == 1 else {})
        elif _is_light(held):
            nodes.append(node)
            _tell(node.output[0], held, values)
        else:
            constants.add(node.output[0])
            graph.input.append(_as_input(node.output[0], held))
    for field, light in ((graph.initializer, kept), (graph.node, nodes)):
        copies = [type(one).FromString(one.SerializeToString()) for one in light]
        del field[:]
        field.extend(copies)
    del graph.sparse_initializer[:]
    return constants, values


def _is_light(tensor: TensorProto) -> bool:
    return _elements(tensor) <= MOST_ELEMENTS and tensor.data_location != TensorProto.EXTERNAL


def _elements(tensor: TensorProto) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    return count


def _as_input(name: str, tensor: TensorProto) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, tensor.data_type, list(tensor.dims))


def _tell(name: str, tensor: TensorProto, values: dict[str, list[float]]) -> None:
    if not 0 <= _elements(tensor) <= MOST_VALUES:
        return
    try:
        held = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:  # KeyError: a type that there is not
        raise SettingsError(f"the constant '{shown(name, 60)}': {shown(error)}") from error
    if held.dtype.kind in "fiub":
        values[name] = held.reshape(-1).tolist()


def _plain_values(node: NodeProto) -> dict[str, list[float]]:
    """Of a constant that is an attribute's numbers, not a tensor."""
    own = ("value_float", "value_floats", "value_int", "value_ints")
    for attribute in node.attribute if node.op_type == "Constant" else ():
        if attribute.name in own and attribute.type in _NUMBERS:
            held = _ATTRIBUTES[attribute.type](attribute)
            return {node.output[0]: held if isinstance(held, list) else [held]}
    return {}


def _check_order(graph: GraphProto, constants: set[str]) -> None:
    """Every node reads what is known before it, and writes what nothing has written."""
    known = {*constants, *(value.name for value in graph.input), ""}
    for node in graph.node:
        read = (*node.input, *_captured(node))
        unknown = next((name for name in read if name not in known), None)
        twice = next((name for name in node.output if name and name in known), None)
        what = f"reads '{unknown}', which nothing gives" if unknown else f"writes '{twice}' again"
        if unknown or twice:
            name = shown(node.name or node.op_type, 60)
            raise SettingsError(f"node '{name}' {shown(what, 120)}")
        known.update(node.output)


def _captured(node: NodeProto) -> list[str]:
    """Tensors from around a node that its subgraphs read."""
    inner = [graph for attribute in node.attribute for graph in _graphs(attribute)]
    return list(dict.fromkeys(name for graph in inner for name in _unbound(graph)))


def _unbound(graph: GraphProto) -> Iterator[str]:
    """What a subgraph reads and does not have itself."""
    own = {"", *(value.name for value in graph.input), *(t.name for t in graph.initializer)}
    own.update(sparse.values.name for sparse in graph.sparse_initializer)
    for node in graph.node:
        yield from (name for name in (*node.input, *_captured(node)) if name not in own)
        own.update(node.output)
    yield from (value.name for value in graph.output if value.name not in own)


def _check_operators(graph: GraphProto, opset: int) -> None:
    """ONNX's own operators have as many tensors as they define, and no attributes but theirs."""
    for node in graph.node:
        known = _operator(node.op_type, opset) if node.domain in _OWN_DOMAINS else None
        if known is None:
            continue
        where = f"node '{shown(node.name or node.op_type, 60)}'"
        for attribute in node.attribute:
            if attribute.type != known.attributes.get(attribute.name):
                told = f"'{shown(attribute.name, 60)}' is no attribute of {node.op_type}"
                raise SettingsError(f"{where}: {told}, or of another type")
        for what, given, allowed in (
            ("inputs", len(node.input), known.inputs),
            ("outputs", len(node.output), known.outputs),
        ):
            if given not in allowed:
                told = f"{allowed.start} to {allowed.stop - 1}"
                raise SettingsError(f"{where}: {given} {what}; {node.op_type} has {told}")


@dataclass(frozen=True)
class _Operator:
    """What ONNX defines of an operator: attributes' types by name, how many tensors it has."""

    attributes: Mapping[str, int]
    inputs: range
    outputs: range


@cache
def _operator(op: str, opset: int) -> _Operator | None:
    """None for an operator that ONNX does not have."""
    try:
        schema = onnx.defs.get_schema(op, opset)
    except onnx.defs.SchemaError:
        return None
    return _Operator(
        {name: one.type.value for name, one in schema.attributes.items()},
        range(schema.min_input, schema.max_input + 1),
        range(schema.min_output, schema.max_output + 1),
    )


def _set_dimensions(model: ModelProto, constants: set[str], dimensions: Mapping[str, int]) -> None:
    """Give sizes to the inputs' dimensions. SettingsError where one is missing or unknown."""
    inputs = [value for value in model.graph.input if value.name not in constants]
    known: list[str] = []
    missing: list[str] = []
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            own = f"{identifier(value.name)}_{axis}"
            names = [identifier(dim.dim_param), own] if dim.dim_param else [own]
            known += names
            given = next((dimensions[name] for name in names if name in dimensions), None)
            if given is not None:
                dim.dim_value = given
            elif not dim.HasField("dim_value") or dim.dim_value < 0:  # -1 is some exporters' "any"
                missing.append(names[0])
    for name in dimensions:
        if name not in known:
            told = listed(name, list(dict.fromkeys(known)))
            raise SettingsError(f"workload.dimensions: no dimension '{name}'; {told}")
    if missing:
        several = list(dict.fromkeys(missing))
        raise SettingsError(f"sizes are missing of {', '.join(several)}; say {sizes_told(several)}")
    if dimensions:  # what the file says of shapes behind the inputs holds no more
        _forget_shapes(model.graph)


def _forget_shapes(graph: GraphProto) -> None:
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")


def _inferred(model: ModelProto) -> ModelProto:
    """With the shapes that follow from the inputs; the file's own only where they agree."""
    try:
        return onnx.shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True
        )
    except onnx.shape_inference.InferenceError:
        _forget_shapes(model.graph)
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, data_prop=True)
    except Exception as error:  # of several kinds, none of which says more than its text
        raise SettingsError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    return shown(" ".join(str(error).split()), 200)


def _shape(kind: Any) -> list[int] | None:
    """The dimensions, where all of them are known."""
    if not kind.HasField("shape"):
        return None
    dims = kind.shape.dim
    known = all(d.HasField("dim_value") and d.dim_value >= 0 for d in dims)
    return [d.dim_value for d in dims] if known else None


def _node(node: NodeProto) -> dict[str, Any]:
    plain = {a.name: _ATTRIBUTES[a.type](a) for a in node.attribute if a.type in _ATTRIBUTES}
    inner = [graph for a in node.attribute for graph in _graphs(a)]
    return {
        "name": node.name or next(iter(node.output), ""),
        "op": node.op_type,
        "domain": _OWN_DOMAINS.get(node.domain, node.domain),
        "inputs": list(node.input),
        "outputs": list(node.output),
        "attributes": plain,
        "inside": sum(len(graph.node) for graph in inner),
        "captured": _captured(node),
    }


if __name__ == "__main__":
    main()
