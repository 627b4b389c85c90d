"""Element-wise expressions in one normal form, so that equal ones written differently compare.

    a - b/2            (add, a, (mul, -0.5, b))
    0.5*x + 0.5*y      (mul, 0.5, (add, x, y))
    max(x, 0)          (max, 0, x)

Sums and products are flat, their number comes first and is left out where it changes nothing, and
the other operands are sorted. A sum's first operand has the coefficient 1. `1/x` stays a `div`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable

from compiler.problem.primitive import Call, Expression, Number, Read

NUMBERS_AGREE = 1e-6  # relative: 1/sqrt(2) written with seven digits is still that
_VALUE: dict[str, Callable[..., float]] = {
    "max": max,
    "min": min,
    "abs": abs,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "erf": math.erf,
}


def normal(e: Expression) -> Expression:
    """The expression in normal form."""
    if not isinstance(e, Call):
        return e
    operands = [normal(a) for a in e.arguments]
    if e.function == "neg":
        return product(Number(-1), *operands)
    if e.function == "sub":
        return total(operands[0], product(Number(-1), operands[1]))
    if e.function == "div":
        return product(operands[0], inverse(operands[1]))
    if e.function == "mul":
        return product(*operands)
    if e.function == "add":
        return total(*operands)
    numbers = [o.value for o in operands if isinstance(o, Number)]
    if len(numbers) == len(operands):
        with contextlib.suppress(ValueError, OverflowError):  # sqrt(-1), exp(1000)
            return Number(float(_VALUE[e.function](*numbers)))
    return Call(e.function, _sorted(operands))


def scaled(e: Expression) -> tuple[float, tuple[Expression, ...]]:
    """The number and the factors of a product; any other expression is its own only factor."""
    if isinstance(e, Number):
        return e.value, ()
    if isinstance(e, Call) and e.function == "mul":
        first = e.arguments[0]
        return (first.value, e.arguments[1:]) if isinstance(first, Number) else (1.0, e.arguments)
    return 1.0, (e,)


def terms(e: Expression) -> tuple[float, list[tuple[float, Expression]]]:
    """The number and the coefficients and terms of a sum."""
    constant, found = 0.0, []
    for term in e.arguments if isinstance(e, Call) and e.function == "add" else (e,):
        coefficient, factors = scaled(term)
        if factors:
            found.append((coefficient, product(*factors)))
        else:
            constant += coefficient
    return constant, found


def product(*parts: Expression) -> Expression:
    """The product of expressions in normal form."""
    coefficient, factors = 1.0, list[Expression]()
    for part in parts:
        number, others = scaled(part)
        coefficient *= number
        factors += others
    if not coefficient or not factors:
        return Number(coefficient)
    if coefficient == 1 and len(factors) == 1:
        return factors[0]
    return Call("mul", (*_unless(coefficient, 1), *_sorted(factors)))


def total(*parts: Expression) -> Expression:
    """The sum of expressions in normal form."""
    constant, found = 0.0, list[tuple[float, Expression]]()
    for part in parts:
        outer, factors = scaled(part)
        number, inner = terms(product(*factors))
        constant += outer * number
        found += [(outer * c, term) for c, term in inner]
    found = [(c, term) for c, term in sorted(found, key=lambda t: _key(t[1])) if c]
    if not found:
        return Number(constant)
    first = found[0][0]
    if len(found) == 1 and not constant:
        return product(Number(first), found[0][1])
    each = (product(Number(c / first), term) for c, term in found)
    return product(Number(first), Call("add", (*_unless(constant / first, 0), *each)))


def inverse(e: Expression) -> Expression:
    """1/e of an expression in normal form."""
    coefficient, factors = scaled(e)
    if not coefficient:
        return Call("div", (Number(1), Number(0)))
    ones = (Call("div", (Number(1), factor)) for factor in factors)
    return product(Number(1 / coefficient), *ones)


def alike(one: Expression, other: Expression) -> bool:
    """Equal up to the rounding of numbers."""
    if isinstance(one, Number) and isinstance(other, Number):
        return math.isclose(one.value, other.value, rel_tol=NUMBERS_AGREE)
    if isinstance(one, Call) and isinstance(other, Call):
        return (
            one.function == other.function
            and len(one.arguments) == len(other.arguments)
            and all(map(alike, one.arguments, other.arguments))
        )
    return one == other


def shown(e: Expression, longest: int = 100) -> str:
    """As text of so many characters, tensors without their indices."""
    if isinstance(e, Number):
        return f"{e.value:g}"
    if isinstance(e, Read):
        return e.access.tensor
    text = f"{e.function}({', '.join(shown(a, longest) for a in e.arguments)})"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _unless(number: float, neutral: float) -> tuple[Number, ...]:
    return () if number == neutral else (Number(number),)


def _sorted(operands: Iterable[Expression]) -> tuple[Expression, ...]:
    return tuple(sorted(operands, key=_key))


def _key(e: Expression) -> str:
    """Numbers first, and none apart from another: written with fewer digits it keeps its place."""
    if isinstance(e, Number):
        return ""
    if isinstance(e, Read):
        return str(e.access)
    return f"{e.function}({','.join(map(_key, e.arguments))})"
