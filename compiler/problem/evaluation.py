"""The value of a right-hand side, and how large its rounding errors can be, on numpy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from compiler.problem.dtypes import EPS
from compiler.problem.primitive import Access, Call, Expression, Number, Read

Array = npt.NDArray[Any]  # of float32 or float64
Lookup = Callable[[Access], Array]
Held = Callable[[Array], Array]  # what a number format keeps of values
# Functions whose error depends on the value of their argument, not on its magnitude alone, and how
# far a kernel's may be from the exact value, in ulp (one is at most EPS times the value). Quotients
# and roots are rounded correctly, as a sum is: each counts one. Kernels with vectors have their own
# exp, tanh and erf (compiler.codegen.vector_functions): over all floats they are off by up to 1.01,
# 2.61 and 3.58, more than glibc's 0.51, 2.2 and 0.91. What is held to a function's exact value
# within a tolerance is allowed these; what is compared with == has no function in it.
ULPS = {"div": 1.0, "sqrt": 1.0, "exp": 1.2, "tanh": 2.7, "erf": 3.6}
CURVED = tuple(ULPS)


def everything(values: Array) -> Array:
    return values


def in_range(smallest: float, largest: float) -> Held:
    """As a format holds values that has no smaller and no larger ones: as 0, as infinities."""

    def held(values: Array) -> Array:
        size = np.abs(values)
        kept = np.where(size > largest, np.copysign(np.inf, values), values)
        return np.where(size < smallest, 0.0, kept)

    return held


def value_of(expression: Expression, read: Lookup, held: Held = everything) -> Array:
    """The expression on whatever arrays `read` gives for its accesses; they must broadcast.

    `held` is what is kept of every function's result.
    """
    if isinstance(expression, Number):
        return np.asarray(expression.value)
    if isinstance(expression, Read):
        return read(expression.access)
    arguments = [value_of(a, read, held) for a in expression.arguments]
    return held(_applied(expression.function, arguments))


def _applied(function: str, x: list[Array]) -> Array:
    functions: dict[str, Callable[..., Array]] = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "neg": np.negative,
        "max": np.maximum,
        "min": np.minimum,
        "exp": np.exp,
        "sqrt": np.sqrt,
        "tanh": np.tanh,
        "erf": _erf,
        "abs": np.abs,
    }
    return np.asarray(functions[function](*x))


def _erf(values: Array) -> Array:
    """SciPy loads a part of it where it is first named: 0.1 s, which few processes need."""
    return np.asarray(scipy.special.erf(values))


def magnitude_of(expression: Expression, read: Lookup, magnitude: Lookup) -> Array:
    """A number m with |rounding error| <= some * eps * m, to first order.

    On sums and products it is the expression on absolute values, subtraction becoming addition;
    for the other functions f the argument's magnitude passes through |f'|, and f's own value is
    added. `magnitude` gives the magnitudes of the tensors read, `read` their values.
    """
    if isinstance(expression, Number):
        return np.asarray(abs(expression.value))
    if isinstance(expression, Read):
        return magnitude(expression.access)
    m = [magnitude_of(a, read, magnitude) for a in expression.arguments]
    match expression.function:
        case "add" | "sub":
            return m[0] + m[1]
        case "mul":
            return m[0] * m[1]
        case "max" | "min":
            return np.maximum(m[0], m[1])
        case "neg" | "abs":
            return m[0]
    v = [value_of(a, read) for a in expression.arguments]
    result = np.abs(_applied(expression.function, v))
    match expression.function:
        case "div":
            return np.asarray(m[0] / np.abs(v[1]) * (m[1] / np.abs(v[1])))
        case "exp":
            return np.asarray(result * (1 + m[0]))
        case "sqrt":
            return np.asarray(result + m[0] / np.maximum(2 * result, np.sqrt(EPS * m[0])))
        case "tanh":
            return np.asarray(result + (1 - result**2) * m[0])
    return np.asarray(result + 2 / np.sqrt(np.pi) * np.exp(-(v[0] ** 2)) * m[0])  # erf


def rounding_of(expression: Expression, read: Lookup, rounding: Lookup) -> Array:
    """How far a float32 evaluation may be from the value, in units of eps, to first order.

    `rounding` gives it for the tensors read, 0 for exact ones. An operation adds its own value, a
    function that times its `ULPS`; a number that float32 holds adds nothing.
    """
    if isinstance(expression, Number):
        held = float(np.float32(expression.value)) == expression.value
        return np.asarray(0.0 if held else abs(expression.value))
    if isinstance(expression, Read):
        return rounding(expression.access)
    r = [rounding_of(a, read, rounding) for a in expression.arguments]
    v = [value_of(a, read) for a in expression.arguments]
    result = np.abs(_applied(expression.function, v))
    own = ULPS.get(expression.function, 1.0) * result
    match expression.function:
        case "add" | "sub":
            return np.asarray(r[0] + r[1] + own)
        case "mul":
            return np.asarray(np.abs(v[0]) * r[1] + np.abs(v[1]) * r[0] + own)
        case "max" | "min":
            return np.maximum(r[0], r[1])
        case "neg" | "abs":
            return r[0]
        case "div":
            return np.asarray((r[0] + result * r[1]) / np.abs(v[1]) + own)
        case "exp":
            return np.asarray(own + result * r[0])
        case "sqrt":
            return np.asarray(own + r[0] / np.maximum(2 * result, np.sqrt(EPS * r[0])))
        case "tanh":
            return np.asarray(own + (1 - result**2) * r[0])
    return np.asarray(own + 2 / np.sqrt(np.pi) * np.exp(-(v[0] ** 2)) * r[0])  # erf


def is_curved(expression: Expression) -> bool:
    """Whether the magnitude needs the values too."""
    return isinstance(expression, Call) and (
        expression.function in CURVED or any(is_curved(a) for a in expression.arguments)
    )


def factors_of(expression: Expression) -> tuple[float, tuple[Access, ...]] | None:
    """(number, accesses) when the expression is a product of reads and numbers, else None."""
    if isinstance(expression, Number):
        return expression.value, ()
    if isinstance(expression, Read):
        return 1.0, (expression.access,)
    if expression.function == "neg":
        inner = factors_of(expression.arguments[0])
        return None if inner is None else (-inner[0], inner[1])
    if expression.function != "mul":
        return None
    left, right = factors_of(expression.arguments[0]), factors_of(expression.arguments[1])
    if left is None or right is None:
        return None
    return left[0] * right[0], left[1] + right[1]
