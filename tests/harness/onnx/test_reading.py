"""Files that cannot be read are refused in one line, whatever they hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import ModelProto, TensorProto, helper

from harness.errors import EnvironmentProblem, SettingsError
from harness.onnx.reading import read_graph
from tests.harness.onnx.models import PUBLIC, graph_of, model, node, saved


def refused(path: Path, **dimensions: int) -> str:
    with pytest.raises(SettingsError) as caught:
        read_graph(path, dimensions)
    message = str(caught.value)
    assert "\n" not in message and len(message) <= 300
    return message


def relu(*dims: int | str | None, opset: int = 17) -> ModelProto:
    return model([node("Relu", "x", "y")], {"x": dims}, "y", opset=opset)


def test_a_file_is_read_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which runs nothing that lies beside the file."""
    (tmp_path / "onnx.py").write_text("raise SystemExit('not to be run')")
    monkeypatch.chdir(tmp_path)
    graph = read_graph(saved(relu("batch", 3), tmp_path), {"batch": 4})
    assert graph.shapes["y"] == (4, 3)
    assert [one.op for one in graph.nodes] == ["Relu"]


@pytest.mark.parametrize("held", [b"", b"garbage" * 9, b"PK\x03\x04" + bytes(99), b"\x08\x08"])
def test_garbage(held: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(held)
    assert "it is no ONNX model" in refused(path)


def test_no_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.onnx").endswith("no.onnx: No such file or directory")
    assert refused(tmp_path).endswith("Is a directory")


def _unordered(made: ModelProto) -> None:
    made.graph.node.insert(0, node("Relu", "y", "z"))


def _written_twice(made: ModelProto) -> None:
    made.graph.node.append(node("Relu", "x", "y"))


def _of_the_future(made: ModelProto) -> None:
    made.ir_version = 999


def _without_opset(made: ModelProto) -> None:
    del made.opset_import[:]


def _outside(made: ModelProto) -> None:
    _beside(made, "../../etc/passwd")


def _at_the_root(made: ModelProto) -> None:
    _beside(made, "/etc/passwd")


def _nowhere(made: ModelProto) -> None:
    _beside(made, ".")


def _of_another_type(made: ModelProto) -> None:
    made.graph.node[0].CopyFrom(node("Softmax", "x", "y", axis=[1]))


def _of_older_opsets(made: ModelProto) -> None:
    made.graph.node[0].CopyFrom(node("Clip", "x", "y", min=0.0))


def _without_inputs(made: ModelProto) -> None:
    made.graph.node[0].CopyFrom(node("Conv", "x", "y"))


def _without_outputs(made: ModelProto) -> None:
    del made.graph.node[0].output[:]


def _captured_from_nowhere(made: ModelProto) -> None:
    inner = model([node("Relu", "elsewhere", "c")], {}, "c").graph
    made.graph.node[0].CopyFrom(node("If", "x", "y", then_branch=inner, else_branch=inner))


def _beside(made: ModelProto, place: str) -> None:
    held = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    held.data_location = TensorProto.EXTERNAL
    held.external_data.add(key="location", value=place)
    made.graph.initializer.append(held)


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (_unordered, "node 'Relu' reads 'y', which nothing gives"),
        (_written_twice, "node 'Relu' writes 'y' again"),
        (_of_the_future, "format 999; onnx "),
        (_without_opset, "opset none of ai.onnx; onnx "),
        (_outside, "the data of 'w' lie outside the model's folder: ../../etc/passwd"),
        (_nowhere, "the data of 'w' lie outside the model's folder: ."),
        (_of_another_type, "node 'Softmax': 'axis' is no attribute of Softmax, or of another type"),
        (_of_older_opsets, "node 'Clip': 'min' is no attribute of Clip, or of another type"),
        (_without_inputs, "node 'Conv': 1 inputs; Conv has 2 to 3"),
        (_without_outputs, "node 'Relu': 0 outputs; Relu has 1 to 1"),
        (_captured_from_nowhere, "node 'If' reads 'elsewhere', which nothing gives"),
        (_at_the_root, "the data of 'w' lie outside the model's folder: /etc/passwd"),
    ],
)
def test_models_that_mean_nothing(
    spoilt: Callable[[ModelProto], None], told: str, tmp_path: Path
) -> None:
    made = relu(2, 3)
    spoilt(made)
    path = saved(made, tmp_path)
    assert refused(path).startswith(f"{path}: {told}")


@pytest.mark.parametrize("name", [b"Relu", b"ai.odd", b"input"])
def test_names_that_are_no_text(name: bytes, tmp_path: Path) -> None:
    made = model([node("Relu", "input", "y", domain="ai.odd")], {"input": (2, 3)}, "y")
    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString().replace(name, b"\xff" + name[1:]))
    assert refused(path).startswith(f"{path}: a name is no UTF-8 text: b'\\xff")


@pytest.mark.parametrize("opset", [0, 999])
def test_unknown_opsets(opset: int, tmp_path: Path) -> None:
    assert f"opset {opset} of ai.onnx; onnx " in refused(saved(relu(2, opset=opset), tmp_path))


def test_constants_that_are_plain_numbers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Constant", [], ["axes"], value_ints=[0, 1]),
        node("Pow", "x two", "y"),
    ]
    graph = graph_of(saved(model(nodes, {"x": (2, 3)}, "y"), tmp_path))
    assert graph.values == {"two": (2.0,), "axes": (0, 1)}


def test_weights_beside_the_model_need_not_be_there(tmp_path: Path) -> None:
    made = model([node("MatMul", "x w", "y")], {"x": (2, 3)}, "y")
    _beside(made, "weights/w.bin")
    assert read_graph(saved(made, tmp_path), {}).shapes["y"] == (2,)


def test_where_memory_is_limited_already(tmp_path: Path) -> None:
    path = saved(relu(2), tmp_path)
    worker = [sys.executable, "-m", "harness.onnx.worker"]
    asked = json.dumps({"path": str(path), "dimensions": {}})
    limited = ["bash", "-c", 'ulimit -v 4000000 && exec "$@"', "bash", *worker, asked]
    told = subprocess.run(limited, capture_output=True, check=True).stdout
    assert json.loads(told)["shapes"]["y"] == [2]


def test_shapes_that_contradict_the_inputs_are_not_believed(tmp_path: Path) -> None:
    made = model([node("Conv", "x w", "a"), node("Relu", "a", "y")], {"x": (8,), "w": (4,)}, "y")
    made.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [4]))
    assert graph_of(saved(made, tmp_path)).shapes.keys() == {"x", "w"}
    made = model([node("Relu", "x", "a"), node("Exp", "a", "y")], {"x": (8, 3)}, "y")
    made.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, 3]))
    assert graph_of(saved(made, tmp_path)).shapes["y"] == (8, 3)


def test_dimensions_have_names(tmp_path: Path) -> None:
    path = saved(relu("batch size", -1, 5), tmp_path)
    assert refused(path).endswith(
        "sizes are missing of batch_size, x_1; "
        "say workload.dimensions.batch_size=1 workload.dimensions.x_1=1"
    )
    assert "no dimension 'batch'; " in refused(path, batch=1)
    assert read_graph(path, {"batch_size": 2, "x_1": 3, "x_2": 4}).shapes["y"] == (2, 3, 4)


def test_onnx_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnx.py").write_text("import onnx_that_is_not_here")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="onnx is not installed; install it with: pip"):
        read_graph(saved(relu(2), tmp_path), {})


def test_a_fixed_size_is_replaced_with_all_that_follows_from_it() -> None:
    path = PUBLIC / "light" / "light_squeezenet.onnx"
    graph = read_graph(path, {"data_0_0": 8})
    assert graph.shapes[graph.outputs[0]] == (8, 1000, 1, 1)


def test_functions_of_the_model_are_taken_apart(tmp_path: Path) -> None:
    made = model([node("Twice", "x", "y", domain="own")], {"x": (2, 3)}, "y")
    body = [node("Relu", "a", "b"), node("Add", "b b", "c")]
    imports = [helper.make_opsetid("", 17)]
    made.functions.append(helper.make_function("own", "Twice", ["a"], ["c"], body, imports))
    assert [one.op for one in read_graph(saved(made, tmp_path), {}).nodes] == ["Relu", "Add"]
