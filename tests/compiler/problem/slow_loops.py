"""The oracle of the tests: a primitive run point by point in plain Python, in program order."""

from __future__ import annotations

import math
import random
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.problem.primitive import Call, Expression, Number, Primitive, Read


def run_slowly(
    primitive: Primitive,
    inputs: dict[str, npt.NDArray[Any]],
    kind: type[np.float32] | type[np.float64] = np.float64,
    order: random.Random | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """All outputs by the definition of the grammar, in `kind`; `order` shuffles the reductions."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for tensor in primitive.tensors:
        start = primitive.start_of(tensor.name)
        if start is None:
            arrays[tensor.name] = np.array(inputs[tensor.name], kind)
        else:
            arrays[tensor.name] = np.full(tensor.shape, start, kind)
    extents = dict(primitive.extents)

    def value(expression: Expression, at: dict[str, int]) -> Any:
        if isinstance(expression, Number):
            return kind(expression.value)
        if isinstance(expression, Read):
            tensor = primitive.tensor(expression.access.tensor)
            where = tuple(i.at(at) for i in expression.access.indices)
            if all(0 <= i < n for i, n in zip(where, tensor.shape, strict=True)):
                return arrays[tensor.name][where]
            assert tensor.outside is not None
            return kind(tensor.outside)
        return kind(_called(expression, [value(a, at) for a in expression.arguments]))

    for statement in primitive.statements:
        target = arrays[statement.target.tensor]
        points = list(product(*(range(extents[loop]) for loop in statement.loops)))
        if order is not None and statement.reduction is not None:
            order.shuffle(points)
        for point in points:
            at = dict(zip(statement.loops, point, strict=True))
            where = tuple(i.at(at) for i in statement.target.indices)
            if not all(0 <= i < n for i, n in zip(where, target.shape, strict=True)):
                continue
            found = value(statement.value, at)
            match statement.reduction:
                case "add":
                    target[where] += found
                case "max":
                    target[where] = max(target[where], found)
                case "min":
                    target[where] = min(target[where], found)
                case None:
                    target[where] = found
    return {t.name: arrays[t.name] for t in primitive.tensors if t.role == "output"}


def _called(call: Call, x: list[Any]) -> Any:
    match call.function:
        case "add":
            return x[0] + x[1]
        case "sub":
            return x[0] - x[1]
        case "mul":
            return x[0] * x[1]
        case "div":
            return x[0] / x[1]
        case "neg":
            return -x[0]
        case "max":
            return max(x)
        case "min":
            return min(x)
        case "abs":
            return abs(x[0])
    functions = {"exp": math.exp, "sqrt": math.sqrt, "tanh": math.tanh, "erf": math.erf}
    return functions[call.function](x[0])
