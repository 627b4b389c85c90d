"""Element-wise operators as the text of index notation.

An operand is an expression with the precedence of its outermost operator, so that only what needs
parentheses gets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

SUM, PRODUCT, ATOM = 0, 1, 2
LARGEST = 3.4e38  # a bound at the edge of float32 bounds nothing


class Inexpressible(Exception):
    """Why a node cannot be written as statements."""


@dataclass(frozen=True)
class Term:
    """A text, and how tightly its outermost operator binds."""

    text: str
    binds: int = ATOM

    def at(self, binds: int) -> str:
        """The text where an operand must bind at least so tightly."""
        return self.text if self.binds >= binds else f"({self.text})"


def number(value: float) -> Term:
    """A number as float32 holds it, in the fewest digits that say so."""
    if not isfinite(value):
        raise Inexpressible(f"{value} is no finite number")
    whole = value == int(value) and abs(value) < 1e6
    text = str(int(value)) if whole else str(np.float32(value))
    return Term(text, ATOM if value >= 0 else SUM)


def _sum(*terms: Term) -> Term:
    first, *rest = terms
    return Term(" + ".join([first.at(SUM), *(term.at(PRODUCT) for term in rest)]), SUM)


def _minus(left: Term, right: Term) -> Term:
    return Term(f"{left.at(SUM)} - {right.at(PRODUCT)}", SUM)


def _times(*factors: Term) -> Term:
    first, *rest = factors
    return Term(" * ".join([first.at(PRODUCT), *(factor.at(ATOM) for factor in rest)]), PRODUCT)


def _over(left: Term, right: Term) -> Term:
    return Term(f"{left.at(PRODUCT)} / {right.at(ATOM)}", PRODUCT)


def _call(function: str, *arguments: Term) -> Term:
    return Term(f"{function}({', '.join(argument.text for argument in arguments)})")


def clipped(x: Term, low: Term | None, high: Term | None) -> Term:
    """min(max(x, low), high), where a bound that is None or infinite bounds nothing."""
    raised = x if low is None else _call("max", x, low)
    return raised if high is None else _call("min", raised, high)


def bound(value: float) -> Term | None:
    """A clip's bound; None at the edge of float32."""
    return number(value) if abs(value) < LARGEST else None


def _logistic(x: Term) -> Term:
    return Term(f"1 / (1 + exp(-{x.at(ATOM)}))", PRODUCT)


def _leaky(x: Term, slope: Term) -> Term:
    return Term(f"max({x.text}, 0) + {slope.at(PRODUCT)} * min({x.text}, 0)", SUM)


def power(x: Term, exponent: Term) -> Term:
    """x to a multiple of a quarter: a product of x, its root and the root of that."""
    value = float(exponent.text)
    if value == 0 or abs(value) > 4 or value * 4 != int(value * 4):
        raise Inexpressible(f"the power {exponent.text}; multiples of 0.25 up to 4 are expressed")
    whole, quarters = divmod(int(abs(value) * 4), 4)
    root = _call("sqrt", x)
    factors = [x] * whole + [root] * (quarters // 2) + [_call("sqrt", root)] * (quarters % 2)
    raised = factors[0] if len(factors) == 1 else _times(*factors)
    return raised if value > 0 else _over(Term("1"), raised)


def _gelu(x: Term, approximate: str) -> Term:
    if approximate not in ("none", "tanh"):
        raise Inexpressible(f"a Gelu approximated by {approximate}")
    factor, gate = x.at(PRODUCT), x.at(ATOM)
    if approximate == "tanh":
        cubed = f"{gate} + 0.044715 * {gate} * {gate} * {gate}"
        return Term(f"0.5 * {factor} * (1 + tanh(0.7978845608028654 * ({cubed})))", PRODUCT)
    return Term(f"0.5 * {factor} * (1 + erf({factor} / sqrt(2)))", PRODUCT)


def _mish(x: Term) -> Term:
    """x tanh(log(1 + e)) = x / (1 + 2 / (e (e + 2))), where e = exp(x); above 20 it is x."""
    e = f"exp(min({x.text}, 20))"
    return Term(f"{x.at(PRODUCT)} / (1 + 2 / ({e} * ({e} + 2)))", PRODUCT)


def _exponential(x: Term, alpha: float, gamma: float = 1.0, inner: float = 1.0) -> Term:
    """gamma * (max(x, 0) + alpha * (exp(min(x, 0) / inner) - 1)): ELU, SELU, CELU."""
    below = Term(f"min({x.text}, 0)")
    below = below if inner == 1 else _over(below, number(inner))
    told = _sum(_call("max", x, Term("0")), _times(number(alpha), Term(f"(exp({below.text}) - 1)")))
    return told if gamma == 1 else _times(number(gamma), told)


Made = Callable[[Sequence[Term], Mapping[str, Any]], Term]

# By operator: what it makes of its operands and attributes. BatchNormalization's are the data, the
# scale and the shift that its four constants come to ahead of time.
ELEMENTWISE: dict[str, Made] = {
    "Abs": lambda x, _: _call("abs", x[0]),
    "Add": lambda x, _: _sum(*x),
    "BatchNormalization": lambda x, _: _sum(_times(x[0], x[1]), x[2]),
    "Celu": lambda x, a: _exponential(x[0], a.get("alpha", 1.0), inner=a.get("alpha", 1.0)),
    "Div": lambda x, _: _over(*x),
    "Elu": lambda x, a: _exponential(x[0], a.get("alpha", 1.0)),
    "Erf": lambda x, _: _call("erf", x[0]),
    "Exp": lambda x, _: _call("exp", x[0]),
    "Gelu": lambda x, a: _gelu(x[0], a.get("approximate", "none")),
    "HardSigmoid": lambda x, a: clipped(
        _sum(_times(x[0], number(a.get("alpha", 0.2))), number(a.get("beta", 0.5))),
        Term("0"),
        Term("1"),
    ),
    "HardSwish": lambda x, _: _times(
        x[0], clipped(_sum(x[0], Term("3")), Term("0"), Term("6")), Term("(1/6)")
    ),
    "LeakyRelu": lambda x, a: _leaky(x[0], number(a.get("alpha", 0.01))),
    "Max": lambda x, _: _call("max", *x) if len(x) > 1 else x[0],
    "Mean": lambda x, _: _times(_sum(*x), number(1 / len(x))),
    "Min": lambda x, _: _call("min", *x) if len(x) > 1 else x[0],
    "Mish": lambda x, _: _mish(x[0]),
    "Mul": lambda x, _: _times(*x),
    "Neg": lambda x, _: Term(f"-{x[0].at(ATOM)}", SUM),
    "PRelu": lambda x, _: _leaky(*x),
    "Pow": lambda x, _: power(*x),
    "Reciprocal": lambda x, _: _over(Term("1"), x[0]),
    "Relu": lambda x, _: _call("max", x[0], Term("0")),
    "Selu": lambda x, a: _exponential(x[0], a.get("alpha", 1.67326319), a.get("gamma", 1.05070102)),
    "Sigmoid": lambda x, _: _logistic(x[0]),
    "Softsign": lambda x, _: _over(x[0], Term(f"(1 + abs({x[0].text}))")),
    "Sqrt": lambda x, _: _call("sqrt", x[0]),
    "Sub": lambda x, _: _minus(*x),
    "Sum": lambda x, _: _sum(*x),
    "Swish": lambda x, a: _over(
        x[0],
        Term(f"(1 + exp(-{_times(number(a['alpha']), x[0]).at(ATOM)}))")
        if a.get("alpha", 1.0) != 1
        else Term(f"(1 + exp(-{x[0].at(ATOM)}))"),
    ),
    "Tanh": lambda x, _: _call("tanh", x[0]),
}
COMMUTATIVE = ("Add", "Max", "Mean", "Min", "Mul", "Sum")
# What writes its first operand more than once: it is given a tensor, or a number.
TWICE = (
    "Celu",
    "Elu",
    "Gelu",
    "HardSwish",
    "LeakyRelu",
    "Mish",
    "PRelu",
    "Pow",
    "Selu",
    "Softsign",
    "Swish",
)
