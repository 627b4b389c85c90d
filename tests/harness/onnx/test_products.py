"""Products: batches in every way that ONNX repeats them, factors read through Transposes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from onnx import NodeProto

from harness.onnx.expressions import Inexpressible
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, network, node, saved, start

Dims = tuple[int, ...]


@pytest.mark.parametrize(
    ("a", "b", "name", "sizes"),
    [
        ((5, 4), (4, 6), "matmul_variable", {"m": 5, "n": 6, "k": 4}),
        ((4,), (4, 6), "matmul_variable", {"m": 1, "n": 6, "k": 4}),
        ((5, 4), (4,), "matmul_variable", {"m": 5, "n": 1, "k": 4}),
        ((4,), (4,), "matmul_variable", {"m": 1, "n": 1, "k": 4}),
        ((2, 3, 5, 4), (4, 6), "matmul_variable", {"m": 30, "n": 6, "k": 4}),
        ((1, 1, 5, 4), (1, 1, 4, 6), "matmul_variable", {"m": 5, "n": 6, "k": 4}),
        ((2, 3, 5, 4), (2, 3, 4, 6), "batched_matmul", {"batch": 6, "m": 5, "n": 6, "k": 4}),
        ((3, 2, 5, 4), (3, 1, 4, 6), "batched_matmul", {"batch": 3, "m": 10, "n": 6, "k": 4}),
        ((3, 4), (3, 4, 1), "batched_matmul_repeated_a", {"batch": 3, "m": 3, "n": 1, "k": 4}),
        ((5, 4), (3, 4, 6), "batched_matmul_repeated_a", {"batch": 3, "m": 5, "n": 6, "k": 4}),
        ((4,), (3, 4, 6), "batched_matmul_repeated_a", {"batch": 3, "m": 1, "n": 6, "k": 4}),
        ((1, 5, 4), (2, 3, 4, 6), "batched_matmul_repeated_a", {"batch": 6, "m": 5}),
        ((2, 3, 5, 4), (3, 4, 6), "batched_matmul_2_batches_repeated_b", {"batch_2": 3}),
        ((2, 3, 1, 4), (2, 1, 4, 6), "batched_matmul", {"batch": 2, "m": 3}),
        (
            (2, 1, 5, 4),
            (3, 4, 6),
            "batched_matmul_2_batches_repeated_a_repeated_b",
            {"batch": 2, "batch_2": 3, "m": 5},
        ),
        (
            (2, 1, 7, 5, 4),
            (2, 3, 1, 4, 6),
            "batched_matmul_2_batches_repeated_a",
            {"batch": 2, "batch_2": 3, "m": 35},
        ),
    ],
)
def test_batches(a: Dims, b: Dims, name: str, sizes: dict[str, int], tmp_path: Path) -> None:
    product = node("MatMul", "x z", "y")
    assert start(product, tmp_path, x=a, z=b).sizes.items() >= sizes.items()
    made = model([product], {"x": a, "z": b}, "y")
    check_computed(made, name, {"a": "x", "b": "z"}, tmp_path)


def test_weights_of_a_batch(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x k", "h"), node("Add", "h kb", "i"), node("Relu", "i", "y")]
    made = model(nodes, {"x": (5, 4)}, "y", {"k": (3, 4, 6), "kb": (3, 1, 6)})
    name = "batched_matmul_repeated_a_constant_b_bias_relu"
    check_computed(made, name, {"a": "x", "b": "k", "bias": "kb"}, tmp_path)


def shape(of: str, *dims: int) -> dict[str, object]:
    return {of: np.array(dims, np.int64)}


TRANSPOSED: dict[str, tuple[list[NodeProto], Dims, Dims, str]] = {
    "columns for rows": (
        [node("Transpose", "x", "a"), node("MatMul", "a z", "y")],
        (4, 5),
        (4, 6),
        "matmul_at_variable",
    ),
    "keys, their last two dimensions exchanged": (
        [node("Transpose", "z", "b", perm=[0, 1, 3, 2]), node("MatMul", "x b", "y")],
        (2, 3, 5, 4),
        (2, 3, 6, 4),
        "batched_matmul_bt",
    ),
    "heads of one sequence": (
        [
            node("Transpose", "x", "a", perm=[0, 2, 1, 3]),
            node("Transpose", "z", "b", perm=[0, 2, 3, 1]),
            node("MatMul", "a b", "h"),
            node("Mul", "h half", "y"),
        ],
        (1, 5, 3, 4),
        (1, 6, 3, 4),
        "batched_matmul_a_102_b_201_mul",
    ),
    "heads of several sequences": (
        [
            node("Transpose", "x", "a", perm=[0, 2, 1, 3]),
            node("Transpose", "z", "b", perm=[0, 2, 3, 1]),
            node("MatMul", "a b", "y"),
        ],
        (2, 5, 3, 4),
        (2, 6, 3, 4),
        "batched_matmul_a_0213_b_0312_2_batches",
    ),
    "one after the other, with views in between": (
        [
            node("Reshape", "x apart", "p"),
            node("Transpose", "p", "q", perm=[1, 0, 2]),
            node("Unsqueeze", "q first", "r"),
            node("Identity", "r", "s"),
            node("Transpose", "s", "t", perm=[0, 1, 3, 2]),
            node("Reshape", "t flat", "a"),
            node("MatMul", "a z", "y"),
        ],
        (4, 15),
        (3, 5, 6),
        "batched_matmul_a_201",
    ),
    "Gemm turns them again": (
        [node("Transpose", "x", "a"), node("Gemm", "a z", "y", transA=1, transB=1)],
        (5, 4),
        (6, 4),
        "matmul_bt_variable",
    ),
}
SHAPES = {
    **shape("apart", 5, 3, 4),
    **shape("first", 0),
    **shape("flat", 3, 4, 5),
    "half": np.float32(0.5),
}


def test_heads_behind_a_product_are_how_it_is_stored(tmp_path: Path) -> None:
    """Two images of three heads; a bias of columns stands before their Transpose."""
    nodes = [
        node("Transpose", "z", "b", perm=[0, 2, 1, 3]),
        node("MatMul", "x b", "h"),
        node("Add", "h kb", "i"),
        node("Transpose", "i", "y", perm=[0, 2, 1, 3]),
    ]
    made = model(nodes, {"x": (2, 3, 5, 4), "z": (2, 4, 3, 6)}, "y", {"kb": (6,)})
    name = "batched_matmul_b_0213_2_batches_bias_c_0213"
    check_computed(made, name, {"a": "x", "b": "z", "bias": "kb"}, tmp_path)


@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_factors(case: str, tmp_path: Path) -> None:
    nodes, a, b, name = TRANSPOSED[case]
    read = {one for made in nodes for one in made.input}
    constants = {key: value for key, value in SHAPES.items() if key in read}
    made = model(nodes, {"x": a, "z": b}, "y", constants)
    check_computed(made, name, {"a": "x", "b": "z"}, tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_any_batches_in_any_order(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    batch = random.choices((1, 2, 3), k=random.randint(0, 3))
    m, k, n = random.choices((1, 2, 3, 4), k=3)
    nodes, inputs = [], {}
    for source, name, ends in (("x", "a", (m, k)), ("z", "b", (k, n))):
        some = [random.choice((1, size, size)) for size in batch]
        dims = [*some[random.randint(0, len(some)) :], *ends]
        perm = random.sample(range(len(dims)), len(dims))
        nodes.append(node("Transpose", source, name, perm=perm))
        inputs[source] = tuple(dims[perm.index(axis)] for axis in range(len(dims)))
    nodes += [node("MatMul", "a b", "h"), node("Neg", "h", "y")]
    made = model(nodes, inputs, "y")
    (entry,) = network(saved(made, tmp_path)).entries
    check_computed(made, entry["primitive"], {"a": "x", "b": "z"}, tmp_path)


def test_a_transposed_tensor_that_others_read_is_one_of_its_own(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "a"),
        node("MatMul", "a z", "y"),
        node("Relu", "a", "r"),
    ]
    found = network(saved(model(nodes, {"x": (4, 5), "z": (4, 6)}, "y r"), tmp_path))
    assert found.facts["left_out"] == [
        {"node": "a", "op": "Transpose", "reason": "it moves elements and computes nothing"}
    ]
    assert [entry["nodes"] for entry in found.entries] == [["y"], ["r"]]


def test_a_view_that_no_steps_lead_through(tmp_path: Path) -> None:
    """Heads and sequences in one dimension, where they do not lie in order."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 2, 1, 3]),
        node("Reshape", "t flat", "a"),
        node("MatMul", "a z", "y"),
    ]
    made = model(nodes, {"x": (2, 5, 3, 4), "z": (6, 4, 7)}, "y", shape("flat", 6, 5, 4))
    found = network(saved(made, tmp_path))
    assert [one["node"] for one in found.facts["left_out"]] == ["t"]
    assert [entry["primitive"] for entry in found.entries] == ["batched_matmul"]


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ((2, 5, 4), (3, 4, 6), "batches of (2,) and (3,)"),
        ((5, 4), (3, 6), "matrices of (5, 4) and (3, 6)"),
        ((0, 5, 4), (4, 6), "'x' holds no element"),
        ((5, 0), (0, 6), "'x' holds no element"),
    ],
)
def test_shapes_of_no_product(a: Dims, b: Dims, told: str, tmp_path: Path) -> None:
    nodes = [node("MatMul", "x z", "y"), node("Relu", "p", "q")]
    found = network(saved(model(nodes, {"x": a, "z": b, "p": (3,)}, "y q"), tmp_path))
    assert found.facts["left_out"] == [{"node": "y", "op": "MatMul", "reason": told}]


def test_a_gemm_of_no_matrices(tmp_path: Path) -> None:
    with pytest.raises(Inexpressible, match=r"matrices of \(2, 5, 4\) and \(4, 6\)"):
        start(node("Gemm", "x z", "y"), tmp_path, x=(2, 5, 4), z=(4, 6))
