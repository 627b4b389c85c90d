"""Recognised operators as an ONNX graph: standard operators, which ONNX Runtime fuses by itself.

Every tensor is dense in the order in which its operator sees it. What the caller fixes is turned
inside the graph, everything else outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from harness.baseline.onnxruntime.arrangement import (
    Arrangement,
    arrangement,
    as_stored,
    steps_of,
    transposition,
)
from harness.baseline.recognition.chains import Chain
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import View
from harness.baseline.recognition.with_post_ops import WithPostOps
from harness.strides import Steps

OPSET, IR = 20, 9  # those of ONNX 1.15: Gelu, AveragePool with dilations
CONTRIBUTED = "com.microsoft"
_UNARY = {"tanh": "Tanh", "abs": "Abs", "sqrt": "Sqrt", "exp": "Exp", "logistic": "Sigmoid"}
_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min"}


@dataclass(frozen=True)
class Graph:
    """A model without weights, and what is bound to it; constants become its initializers."""

    what: str  # in a few words
    model: bytes
    inputs: tuple[Arrangement, ...]
    output: Arrangement


def graphs_of(chain: Chain) -> tuple[Graph, ...]:
    """The chain operator by operator, and with attention as one where it is. Unrecognised."""
    found = [_Drawing(chain).graph("operator by operator")]
    rows = (chain.operators[k : k + 3] for k in range(len(chain.operators)))
    if any(_attention(row) is not None for row in rows):
        for rank in (3, 4):
            what = f"MultiHeadAttention, keys of {rank} dimensions"
            found.append(_Drawing(chain, attention=rank).graph(what))
    return tuple(found)


def _attention(operators: Sequence[Operator]) -> float | None:
    """The scale of product, softmax, product where they are attention, in heads or a single one."""
    match operators:
        case [
            WithPostOps(product=MatrixProduct() as scores, post_ops=steps),
            Softmax() as rows,
            WithPostOps(product=MatrixProduct() as values, post_ops=()),
        ]:
            pass
        case _:
            return None
    if rows.source.tensor != scores.c.tensor or values.a.tensor != rows.out.tensor:
        return None
    if len(scores.c.dims) > 3 or not scores.c.dims == rows.source.dims == values.a.dims:
        return None
    match steps:
        case ():
            return 1.0
        case (Eltwise(function="linear", alpha=scale, beta=0),):
            return scale
    return None


def _by_heads(view: View) -> Steps:
    """Heads, rows and columns of what attention reads or writes; a single head may have none."""
    return (*((1, 0),) * (3 - len(view.dims)), *steps_of(view))


@dataclass(frozen=True)
class _Value:
    """What a node gives: elements in the order of `steps`, in a shape that may be another one."""

    name: str
    steps: Steps
    shape: tuple[int, ...]


class _Drawing:
    """Nodes as they are added, and where every tensor is."""

    def __init__(self, chain: Chain, attention: int = 0) -> None:
        """`attention` is the rank of the keys of its operator, 0 for none."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[Arrangement] = []
        self.made: dict[str, _Value] = {}
        self._count = 0
        operators = list(chain.operators)
        while operators:
            scale = _attention(operators[:3]) if attention else None
            if scale is not None:
                self._attend(operators[:3], scale, attention)
                del operators[:3]
            else:
                self._add(operators.pop(0))
        self.out = chain.operators[-1].out

    def graph(self, what: str) -> Graph:
        value = self.made[self.out.tensor]
        wanted, shape = value.steps, value.shape
        if self.out.fixed:
            wanted = as_stored(self.out)
            shape = tuple(length for length, _ in wanted)
        output = arrangement("output", self.out, wanted, shape)
        self._call("Identity", [self._turned(value, wanted, shape)], output="output")
        drawn = helper.make_graph(
            self.nodes,
            "chain",
            [_info(one.name, one.shape) for one in self.inputs],
            [_info("output", shape)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)]
        model = helper.make_model(drawn, opset_imports=opsets, ir_version=IR)
        return Graph(what, model.SerializeToString(), tuple(self.inputs), output)

    def _add(self, operator: Operator) -> None:
        match operator:
            case WithPostOps(product=Convolution() as product):
                value, steps = self._convolved(product, operator)
            case WithPostOps(product=MatrixProduct() as product):
                factors = [self._operand(product.a), self._operand(product.b)]
                value, steps = self._call("MatMul", factors), operator.post_ops
            case Pooling():
                value, steps = self._pooled(operator), operator.steps
            case Softmax():
                value = self._call("Softmax", [self._operand(operator.source)], {"axis": -1})
                steps = ()
            case LayerNorm():
                value, steps = self._normalised(operator), ()
            case Elementwise():
                value, steps = self._operand(operator.source), operator.steps
        for step in steps:
            operand = None
            if isinstance(step, Binary):
                assert isinstance(operator, WithPostOps | Pooling | Elementwise)
                operand = self._operand(operator.operand(step.operand))
            value = self._stepped(value, step, operand)
        out = operator.out
        self.made[out.tensor] = _Value(value, steps_of(out), out.dims)

    def _convolved(
        self, product: Convolution, operator: WithPostOps
    ) -> tuple[str, tuple[PostOp, ...]]:
        taps = product.weight.dims[-len(product.stride) :]
        channels = (product.out.dims[1], product.weight.dims[-len(taps) - 1], *taps)
        inputs = [self._operand(product.data), self._operand(product.weight, channels)]
        steps = operator.post_ops
        if steps and isinstance(steps[0], Binary) and steps[0].function == "add":
            bias = operator.operand(steps[0].operand)
            alone = all(n == 1 for d, n in enumerate(bias.dims) if d != 1)
            if alone and bias.dims[1] == product.out.dims[1] and bias.constant:
                inputs.append(self._operand(bias, (bias.dims[1],)))
                steps = steps[1:]
        return self._call("Conv", inputs, {"group": product.groups, **_windows(product)}), steps

    def _pooled(self, pooling: Pooling) -> str:
        source = [self._operand(pooling.data)]
        largest = pooling.algorithm == "max"
        padded = any((*pooling.before, *(max(0, after) for after in pooling.after)))
        if pooling.kernel == pooling.data.dims[2:] and not padded:
            return self._call("GlobalMaxPool" if largest else "GlobalAveragePool", source)
        windows = {"kernel_shape": pooling.kernel, **_windows(pooling)}
        if largest:
            return self._call("MaxPool", source, windows)
        counted = int(pooling.algorithm == "avg_include_padding")
        return self._call("AveragePool", source, {"count_include_pad": counted, **windows})

    def _normalised(self, norm: LayerNorm) -> str:
        width = norm.source.dims[-1]
        ones = np.ones(width, np.float32)
        scale = self._number(ones) if norm.scale is None else self._operand(norm.scale)
        inputs = [self._operand(norm.source), scale]
        if norm.shift is not None:
            inputs.append(self._operand(norm.shift))
        return self._call("LayerNormalization", inputs, {"axis": -1, "epsilon": norm.epsilon})

    def _attend(self, operators: Sequence[Operator], scale: float, rank: int) -> None:
        first, _, last = operators
        assert isinstance(first, WithPostOps) and isinstance(first.product, MatrixProduct)
        assert isinstance(last, WithPostOps) and isinstance(last.product, MatrixProduct)
        (heads, _), *_ = _by_heads(first.out)
        at, m, depth = _by_heads(first.product.a)
        head, k, n = _by_heads(first.product.b)
        own, inner, v = _by_heads(last.product.b)
        queries = self._read(first.product.a, (m, at, depth), (1, m[0], heads * depth[0]))
        if rank == 3:
            keys = self._read(first.product.b, (n, head, k), (1, n[0], heads * k[0]))
            values = self._read(last.product.b, (inner, own, v), (1, n[0], heads * v[0]))
        else:
            keys = self._read(first.product.b, (head, n, k), (1, heads, n[0], k[0]))
            values = self._read(last.product.b, (own, inner, v), (1, heads, n[0], v[0]))
        value = self._call(
            "MultiHeadAttention",
            [queries, keys, values],
            {"num_heads": heads, "scale": scale},
            domain=CONTRIBUTED,
        )
        before, rows, columns = _by_heads(last.out)
        shape = (1, m[0], heads * v[0])
        self.made[last.out.tensor] = _Value(value, (rows, before, columns), shape)

    def _operand(self, view: View, shape: Sequence[int] | None = None) -> str:
        return self._read(view, steps_of(view), view.dims if shape is None else shape)

    def _read(self, view: View, wanted: Steps, shape: Sequence[int]) -> str:
        """What a view shows, in the order and the shape that an operator wants."""
        if view.tensor in self.made:
            return self._turned(self.made[view.tensor], wanted, shape)
        there = as_stored(view) if view.fixed and not view.offset else wanted
        whole = tuple(length for length, _ in there)
        own = whole if view.fixed else tuple(shape)
        new = arrangement(f"input{len(self.inputs)}", view, there, own)
        found = next((one for one in self.inputs if replace(one, name=new.name) == new), new)
        if found is new:
            self.inputs.append(new)
        return self._turned(_Value(found.name, there, own), wanted, shape)

    def _turned(self, value: _Value, wanted: Steps, shape: Sequence[int]) -> str:
        """The value in another order, in a shape."""
        name, now = value.name, value.shape
        turn = transposition(value.steps, wanted)
        if turn is not None:
            name = name if now == turn[0] else self._shaped(name, turn[0])
            name = self._call("Transpose", [name], {"perm": turn[1]})
            now = tuple(turn[0][d] for d in turn[1])
        return name if now == tuple(shape) else self._shaped(name, shape)

    def _shaped(self, name: str, shape: Sequence[int]) -> str:
        return self._call("Reshape", [name, self._number(np.array(shape, np.int64))])

    def _stepped(self, value: str, step: PostOp, operand: str | None) -> str:
        if isinstance(step, Binary):
            assert operand is not None
            return self._call(_BINARY[step.function], [value, operand])
        match step.function:
            case "linear":
                for function, number, neutral in (("Mul", step.alpha, 1), ("Add", step.beta, 0)):
                    if number != neutral:
                        value = self._call(function, [value, self._scalar(number)])
                return value
            case "clip":
                bounds = [self._scalar(bound) for bound in (step.alpha, step.beta)]
                return self._call("Clip", [value, *bounds])
            case "relu":
                if step.alpha:
                    return self._call("LeakyRelu", [value], {"alpha": step.alpha})
                return self._call("Relu", [value])
            case "gelu_erf" | "gelu_tanh":
                exact = step.function == "gelu_erf"
                return self._call("Gelu", [value], {"approximate": "none" if exact else "tanh"})
            case "swish":
                return self._call("Mul", [value, self._call("Sigmoid", [value])])
            case "hardswish":
                return self._call("HardSwish", [value])
            case "square":
                return self._call("Mul", [value, value])
        return self._call(_UNARY[step.function], [value])

    def _scalar(self, value: float) -> str:
        return self._number(np.array(value, np.float32))

    def _number(self, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def _call(
        self,
        operator: str,
        inputs: Sequence[str],
        attributes: Mapping[str, object] | None = None,
        domain: str = "",
        output: str | None = None,
    ) -> str:
        self._count += 1
        name = output or f"value{self._count}"
        told = attributes or {}
        self.nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **told))
        return name


def _windows(operator: Convolution | Pooling) -> Mapping[str, object]:
    """Rows after the image that no output reads are left to the operator, which rounds down."""
    after = [max(0, padding) for padding in operator.after]
    return {
        "strides": operator.stride,
        "dilations": operator.dilation,
        "pads": [*operator.before, *after],
    }


def _info(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
