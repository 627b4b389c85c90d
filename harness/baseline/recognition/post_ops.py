"""What follows a product, as steps on one value: post-ops, as libraries say.

max(acc + bias, 0)                         add bias, relu
acc*scale + shift + residual               mul scale, add shift, add residual
0.5*x*(1 + erf(x/sqrt(2))) with x = 2*acc  linear 2, gelu_erf
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.problem.primitive import Access, Call, Expression, Number, Read, reads_of
from harness.baseline.recognition.normal_form import (
    alike,
    normal,
    product,
    scaled,
    shown,
    terms,
    total,
)
from harness.baseline.recognition.views import Unrecognised

PRODUCT = Read(Access("product", ()))  # the value that they start from
LARGEST = 3.4028234663852886e38  # of fp32
Function = Literal[
    "linear",
    "clip",
    "relu",
    "tanh",
    "abs",
    "sqrt",
    "exp",
    "logistic",
    "gelu_erf",
    "gelu_tanh",
    "swish",
    "hardswish",
    "square",
]
_UNARY: dict[str, Function] = {"tanh": "tanh", "abs": "abs", "sqrt": "sqrt", "exp": "exp"}


@dataclass(frozen=True)
class Eltwise:
    """value = function(value).

    linear is alpha*x + beta; clip is min(max(x, alpha), beta); relu is x where x > 0, else alpha*x;
    logistic is 1/(1 + exp(-x)), swish x*logistic(x), hardswish x*min(max(x + 3, 0), 6)/6.
    """

    function: Function
    alpha: float = 0.0
    beta: float = 0.0


@dataclass(frozen=True)
class Binary:
    """value = function(value, operand); the operand may have fewer dimensions."""

    function: Literal["add", "sub", "mul", "div", "max", "min"]
    operand: Access


PostOp = Eltwise | Binary
# What oneDNN 3 wants to be told of functions that have no parameters here.
_PARAMETERS = {"swish": (1.0, 0.0), "hardswish": (1 / 6, 0.5)}


def parameters_of(step: Eltwise) -> tuple[float, float]:
    """alpha and beta as oneDNN 3 takes them."""
    return _PARAMETERS.get(step.function, (step.alpha, step.beta))


def post_ops_of(expression: Expression) -> tuple[PostOp, ...]:
    """The steps from PRODUCT to the expression; raises Unrecognised."""
    if not _holds(expression):
        raise Unrecognised("the output does not follow from the product")
    found: list[PostOp] = []
    for step in filter(_matters, _steps(normal(expression))):
        found = [*found[:-1], *_joined(found[-1], step)] if found else [step]
    return tuple(map(_named, filter(_matters, found)))


def _steps(e: Expression) -> list[PostOp]:
    """Innermost first; every expression here holds PRODUCT."""
    if e == PRODUCT:
        return []
    coefficient, factors = scaled(e)
    if len(factors) > 1:
        return _of_product(e, coefficient, factors)
    if coefficient != 1:
        return [*_steps(factors[0]), Eltwise("linear", coefficient)]
    if isinstance(e, Call):
        if e.function == "add":
            return _of_sum(e)
        if e.function in ("max", "min"):
            return _of_bound(e)
        if e.function in _UNARY:
            return [*_steps(e.arguments[0]), Eltwise(_UNARY[e.function])]
        for u in _exponents(e):
            if alike(e, _logistic(u)):
                return [*_steps(u), Eltwise("logistic")]
    raise Unrecognised(f"no known step computes {shown(e)}")


def _of_product(e: Expression, coefficient: float, factors: Sequence[Expression]) -> list[PostOp]:
    inner, rest = [f for f in factors if _holds(f)], [f for f in factors if not _holds(f)]
    if len(inner) == 1:
        steps = _steps(inner[0])
    else:
        steps, taken, rest = _of_gate(e, factors)
        coefficient /= taken
    for factor in rest:
        divides = isinstance(factor, Call) and factor.function == "div"
        read = factor.arguments[1] if isinstance(factor, Call) and divides else factor
        steps.append(Binary("div" if divides else "mul", _operand(read)))
    return [*steps, Eltwise("linear", coefficient)]


def _of_sum(e: Expression) -> list[PostOp]:
    """Operands are added as they are, so what has a coefficient of its own scales the rest."""
    constant, found = terms(e)
    inner = [(c, term) for c, term in found if _holds(term)]
    if len(inner) != 1:
        raise Unrecognised(f"no known step computes {shown(e)}")
    scale, first = inner[0]
    steps = _steps(first)  # the sum so far is scale times their value
    others = [(c, _operand(term)) for c, term in found if not _holds(term)]
    for c, operand in sorted(others, key=lambda other: len(other[1].indices)):  # a bias is first
        if abs(c) != abs(scale):
            steps.append(Eltwise("linear", scale / c))
            scale = c
        steps.append(Binary("add" if c == scale else "sub", operand))
    return [*steps, Eltwise("linear", scale, constant)]


def _of_bound(e: Call) -> list[PostOp]:
    """max and min with a number, a tensor, or a multiple of the value itself (leaky ReLU)."""
    function: Literal["max", "min"] = "max" if e.function == "max" else "min"
    one, other = e.arguments
    if isinstance(one, Number):
        bound = min(max(one.value, -LARGEST), LARGEST)
        low, high = (bound, LARGEST) if function == "max" else (-LARGEST, bound)
        return [*_steps(other), Eltwise("clip", low, high)]
    if not (_holds(one) and _holds(other)):
        value, operand = (one, other) if _holds(one) else (other, one)
        return [*_steps(value), Binary(function, _operand(operand))]
    (c, x), (d, y) = ((k, product(*f)) for k, f in (scaled(one), scaled(other)))
    if function == "max" and alike(x, y) and max(c, d) > 0:
        steepest = max(c, d)
        return [*_steps(x), Eltwise("linear", steepest), Eltwise("relu", min(c, d) / steepest)]
    raise Unrecognised(f"no known step computes {shown(e)}")


# Products of a value and a function of it.


def _logistic(u: Expression) -> Expression:
    power = Call("exp", (product(Number(-1), u),))
    return Call("div", (Number(1), total(Number(1), power)))


def _gelu_erf(u: Expression) -> Expression:
    curve = Call("erf", (product(Number(0.5**0.5), u),))
    return product(Number(0.5), u, total(Number(1), curve))


def _gelu_tanh(u: Expression) -> Expression:
    inside = total(u, product(Number(0.044715), u, u, u))
    curve = Call("tanh", (product(Number(0.7978845608028654), inside),))
    return product(Number(0.5), u, total(Number(1), curve))


def _hardswish(u: Expression) -> Expression:
    gate = Call("min", (Number(6), Call("max", (Number(0), total(Number(3), u)))))
    return product(Number(1 / 6), u, gate)


_GATES: dict[Function, Callable[[Expression], Expression]] = {
    "gelu_erf": _gelu_erf,
    "gelu_tanh": _gelu_tanh,
    "swish": lambda u: product(u, _logistic(u)),
    "hardswish": _hardswish,
    "square": lambda u: product(u, u),
}


def _of_gate(
    e: Expression, factors: Sequence[Expression]
) -> tuple[list[PostOp], float, list[Expression]]:
    """Steps of the gate that fits, its coefficient, and the factors that it leaves."""
    for function, gate in _GATES.items():
        for u in _gated(factors):
            coefficient, used = scaled(gate(u))
            rest = _without(factors, used)
            if rest is not None and not any(map(_holds, rest)):
                return [*_steps(u), Eltwise(function)], coefficient, rest
    raise Unrecognised(f"no known step computes {shown(e)}")


def _gated(factors: Sequence[Expression]) -> Iterator[Expression]:
    """What may be the value that is gated: what stands beside the gate, or follows from inside."""
    for i in range(len(factors)):
        others = [f for j, f in enumerate(factors) if j != i]
        yield product(*others)
        yield product(*filter(_holds, others))
    for factor in factors:
        yield from _exponents(factor)


def _exponents(e: Expression) -> Iterator[Expression]:
    """x for every exp(-x) and erf(x/sqrt(2)) in an expression."""
    if isinstance(e, Call):
        if e.function in ("exp", "erf"):
            factor = -1.0 if e.function == "exp" else 2**0.5
            yield product(Number(factor), e.arguments[0])
        for argument in e.arguments:
            yield from _exponents(argument)


def _without(factors: Sequence[Expression], used: Sequence[Expression]) -> list[Expression] | None:
    """The factors but for those used, or None where one of these is not among them."""
    rest = list(factors)
    for wanted in used:
        at = next((i for i, factor in enumerate(rest) if alike(factor, wanted)), None)
        if at is None:
            return None
        del rest[at]
    return rest


def _holds(e: Expression) -> bool:
    return any(access == PRODUCT.access for access in reads_of(e))


def _operand(e: Expression) -> Access:
    if isinstance(e, Read):
        return e.access
    raise Unrecognised(f"{shown(e)} is neither a tensor nor computed from the product")


def _joined(one: PostOp, other: PostOp) -> list[PostOp]:
    """Two steps in sequence, as one where that is possible."""
    if isinstance(one, Eltwise) and isinstance(other, Eltwise):
        if one.function == other.function == "linear":
            alpha, beta = one.alpha * other.alpha, one.beta * other.alpha + other.beta
            return [Eltwise("linear", alpha, beta)]
        if one.function == other.function == "clip":
            low, high = (min(max(x, other.alpha), other.beta) for x in (one.alpha, one.beta))
            return [Eltwise("clip", low, high)]
    return [one, other]


def _matters(step: PostOp) -> bool:
    return step not in (Eltwise("linear", 1.0), Eltwise("clip", -LARGEST, LARGEST))


def _named(step: PostOp) -> PostOp:
    return Eltwise("relu") if step == Eltwise("clip", 0.0, LARGEST) else step
