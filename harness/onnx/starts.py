"""Nodes that begin a problem: what follows them element by element is added to the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.errors import SettingsError
from harness.onnx.convolutions import convolution, transposed
from harness.onnx.einsum import einsum
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.norms import group_norm, local_norm, root_mean_square_norm
from harness.onnx.pools import global_pool, pool
from harness.onnx.products import gemm, matmul
from harness.onnx.reductions import REDUCTIONS, reduction
from harness.onnx.resizing import resized
from harness.onnx.rows import normalised, softmax
from harness.onnx.start import Start

STARTS: Mapping[str, Callable[[GraphNode, Graph], Start]] = {
    "AveragePool": pool,
    "Conv": convolution,
    "ConvTranspose": transposed,
    "Einsum": einsum,
    "Gemm": gemm,
    "GlobalAveragePool": global_pool,
    "GlobalMaxPool": global_pool,
    "GroupNormalization": group_norm,
    "InstanceNormalization": group_norm,
    "LRN": local_norm,
    "LayerNormalization": normalised,
    "MatMul": matmul,
    "MaxPool": pool,
    "RMSNormalization": root_mean_square_norm,
    "Resize": resized,
    "Softmax": softmax,
    "Upsample": resized,
    **dict.fromkeys(REDUCTIONS, reduction),
}
# Where several could take what follows, these do.
CONTRACTIONS = ("Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul")


def start_of(node: GraphNode, graph: Graph) -> Start:
    """The primitive that computes a node. Raises Inexpressible."""
    try:
        return STARTS[node.op](node, graph)
    except SettingsError as error:
        raise Inexpressible(str(error)) from error
