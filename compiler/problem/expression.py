"""Index notation: one line of text to affine accesses, by `ast` and a short list of nodes.

    out[n,oc] += data[n, ic] * weight[oc, ic]      a sum
    out[n,c] = max(out[n,c], data[n, c, k])        a maximum (min likewise)
    out[n,c] = max(out[n,c] + bias[c], 0)          an assignment

Nothing is ever evaluated by Python itself; a refusal names the column and shows the line.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from compiler.errors import ProblemError
from compiler.problem.names import FUNCTIONS
from compiler.problem.primitive import Access, Affine, Call, Expression, Number, Read, Reduction

_FOREIGN = re.compile(r"[^A-Za-z0-9_\[\](),+\-*/=. ]")
LONGEST = 2000
_SHOWN = 200
_DEEPEST = 40
_ARITY = {name: 2 if name in ("max", "min") else 1 for name in FUNCTIONS}
_NODES = (
    *(ast.Assign, ast.AugAssign, ast.Expr, ast.Name, ast.Constant, ast.Call, ast.Subscript),
    *(ast.Tuple, ast.BinOp, ast.UnaryOp, ast.USub, ast.expr_context),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv),
)
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
}


@dataclass(frozen=True)
class Line:
    """A text and where it stands, for messages."""

    text: str
    where: str

    def error(self, node: ast.AST | int, what: str) -> ProblemError:
        column = node if isinstance(node, int) else getattr(node, "col_offset", 0) + 1
        text = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "..."
        return ProblemError(f"{self.where}: column {column}: {what}: {text}")

    def parsed(self) -> ast.stmt:
        """The one statement of the line."""
        foreign = _FOREIGN.search(self.text)
        if foreign:
            raise self.error(foreign.start() + 1, f"{foreign.group()!r} is not index notation")
        if len(self.text) > LONGEST:
            raise ProblemError(f"{self.where}: over {LONGEST} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(self.text).body
        except SyntaxError as error:
            raise self.error(error.offset or 1, "not index notation") from error
        except (RecursionError, MemoryError) as error:
            raise ProblemError(f"{self.where}: nested too deeply") from error
        if len(body) != 1:
            raise ProblemError(f"{self.where}: expected one line of index notation")
        if _depth_exceeds(body[0], _DEEPEST):
            raise ProblemError(f"{self.where}: nested more than {_DEEPEST} levels deep")
        for node in ast.walk(body[0]):
            if not isinstance(node, _NODES):
                what = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
                at = node if hasattr(node, "col_offset") else body[0]
                raise self.error(at, f"'{what}' is not allowed")
        return body[0]


def _depth_exceeds(root: ast.AST, limit: int) -> bool:
    level = [root]
    for _ in range(limit + 2):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


@dataclass(frozen=True)
class RawAccess:
    """A tensor reference whose indices are not yet read: which names are loops is decided later."""

    tensor: str
    indices: tuple[ast.expr, ...]
    node: ast.Subscript


@dataclass(frozen=True)
class RawStatement:
    """A statement split into target, reduction and right-hand side (its own target removed)."""

    line: Line
    target: RawAccess
    reduction: Reduction | None
    value: ast.expr

    @property
    def accesses(self) -> tuple[RawAccess, ...]:
        return (self.target, *_accesses(self.value, self.line))


@lru_cache(maxsize=1024)  # the problems of a sweep share their statements
def parse_statement(text: str, where: str) -> RawStatement:
    """Split one line; raises ProblemError for anything that is no statement of the grammar."""
    line = Line(" ".join(text.split()), where)
    node = line.parsed()
    if isinstance(node, ast.AugAssign):
        if not isinstance(node.op, ast.Add):
            raise line.error(node, "only = and += are statements")
        return RawStatement(line, _access(node.target, line), "add", node.value)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = _access(node.targets[0], line)
        reduction, value = _own_reduction(target, node.value)
        return RawStatement(line, target, reduction, value)
    raise line.error(node, "expected target[...] = value or target[...] += value")


def _own_reduction(target: RawAccess, value: ast.expr) -> tuple[Reduction | None, ast.expr]:
    """`max(target, x)` or `max(x, target)` is the reduction max of x."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and len(value.args) == 2:
        for kind in ("max", "min"):
            for own, other in (value.args, reversed(value.args)):
                if value.func.id == kind and ast.dump(_load(own)) == ast.dump(_load(target.node)):
                    return ("max" if kind == "max" else "min"), other
    return None, value


def _load(node: ast.expr) -> ast.expr:
    """The node as if it were read, so that a target and a read compare equal."""
    if isinstance(node, ast.Subscript):
        return ast.Subscript(value=node.value, slice=node.slice, ctx=ast.Load())
    return node


def _access(node: ast.expr, line: Line) -> RawAccess:
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        raise line.error(node, "expected tensor[index, ...]")
    inside = node.slice
    indices = tuple(inside.elts) if isinstance(inside, ast.Tuple) else (inside,)
    if not indices:
        raise line.error(node, "a tensor needs an index for each dimension")
    return RawAccess(node.value.id, indices, node)


def _accesses(node: ast.expr, line: Line) -> Iterator[RawAccess]:
    if isinstance(node, ast.Subscript):
        yield _access(node, line)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _accesses(child, line)


def affine(node: ast.expr, loops: Collection[str], sizes: Mapping[str, int], line: Line) -> Affine:
    """An index as `sum(coefficient * loop) + constant`, sizes replaced by their values."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Affine((), node.value)
    if isinstance(node, ast.Name):
        if node.id in loops:
            return Affine(((node.id, 1),))
        if node.id in sizes:
            return Affine((), sizes[node.id])
        known = ", ".join(sorted({*loops, *sizes}))
        raise line.error(node, f"unknown loop '{node.id}' (known loops and sizes: {known})")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _scaled(affine(node.operand, loops, sizes, line), -1)
    if isinstance(node, ast.BinOp):
        left = affine(node.left, loops, sizes, line)
        right = affine(node.right, loops, sizes, line)
        if isinstance(node.op, ast.Add):
            return _sum(left, right)
        if isinstance(node.op, ast.Sub):
            return _sum(left, _scaled(right, -1))
        if isinstance(node.op, ast.Mult) and not (left.terms and right.terms):
            return _scaled(left, right.constant) if left.terms else _scaled(right, left.constant)
        if isinstance(node.op, ast.FloorDiv) and not left.terms and not right.terms:
            if right.constant < 1:
                raise line.error(node, "division by less than one")
            return Affine((), left.constant // right.constant)
        if isinstance(node.op, (ast.Mult, ast.FloorDiv, ast.Div)):
            raise line.error(node, f"non-affine index '{ast.unparse(node)}'")
    raise line.error(node, f"'{ast.unparse(node)}' is not allowed in an index")


def _scaled(index: Affine, factor: int) -> Affine:
    terms = tuple((loop, c * factor) for loop, c in index.terms if c * factor)
    return Affine(terms, index.constant * factor)


def _sum(left: Affine, right: Affine) -> Affine:
    terms = dict(left.terms)
    for loop, c in right.terms:
        terms[loop] = terms.get(loop, 0) + c
    kept = tuple(sorted((loop, c) for loop, c in terms.items() if c))
    return Affine(kept, left.constant + right.constant)


def expression(
    node: ast.expr, loops: Collection[str], sizes: Mapping[str, int], line: Line
) -> Expression:
    """A right-hand side; sizes stand for their values, numbers are folded."""
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    ):
        return _number(node.value, node, line)
    if isinstance(node, ast.Subscript):
        raw = _access(node, line)
        return Read(Access(raw.tensor, tuple(affine(i, loops, sizes, line) for i in raw.indices)))
    if isinstance(node, ast.Name):
        if node.id in loops:
            length = f"for its length take a size of its own, sizes: {{length: {node.id}}}"
            told = f"the loop '{node.id}' may be used in an index only; {length}"
            raise line.error(node, told)
        if node.id in sizes:
            return _number(sizes[node.id], node, line)
        raise line.error(node, f"unknown name '{node.id}'; a tensor needs [...]")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _folded("neg", (expression(node.operand, loops, sizes, line),), node, line)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operands = (
            expression(node.left, loops, sizes, line),
            expression(node.right, loops, sizes, line),
        )
        return _folded(_OPERATORS[type(node.op)], operands, node, line)
    if isinstance(node, ast.Call):
        return _call(node, loops, sizes, line)
    allowed = "tensor[...], numbers, sizes, + - * / and " + ", ".join(FUNCTIONS)
    raise line.error(node, f"'{ast.unparse(node)}' is not allowed here; allowed: {allowed}")


def _call(
    node: ast.Call, loops: Collection[str], sizes: Mapping[str, int], line: Line
) -> Expression:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS:
        raise line.error(node, f"unknown function '{name}' (known: {', '.join(FUNCTIONS)})")
    arguments = tuple(expression(a, loops, sizes, line) for a in node.args)
    if len(arguments) < _ARITY[name] or (_ARITY[name] == 1 and len(arguments) > 1):
        raise line.error(node, f"{name} takes {_ARITY[name]} argument(s), got {len(arguments)}")
    result = arguments[0]
    if _ARITY[name] == 1:
        return Call(name, arguments)
    for argument in arguments[1:]:
        result = Call(name, (result, argument))
    return result


def _folded(
    function: str, operands: tuple[Expression, ...], node: ast.AST, line: Line
) -> Expression:
    numbers = [o.value for o in operands if isinstance(o, Number)]
    if function == "div" and isinstance(operands[1], Number) and operands[1].value == 0:
        raise line.error(node, "division by zero")
    if len(numbers) < len(operands):
        return Call(function, operands)
    if function == "neg":
        return _number(-numbers[0], node, line)
    left, right = numbers
    if function == "add":
        return _number(left + right, node, line)
    if function == "sub":
        return _number(left - right, node, line)
    return _number(left * right if function == "mul" else left / right, node, line)


def _number(value: float, node: ast.AST, line: Line) -> Number:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise line.error(node, "the number is too large")
    return Number(number)


@lru_cache(maxsize=1024)
def names_in(text: str) -> tuple[str, ...]:
    """Every name in a formula, in order; letters within a number (0x10, 1e5) are none."""
    return tuple(re.findall(r"(?<![A-Za-z0-9_.])[A-Za-z_][A-Za-z0-9_]*", text))


def integer(formula: str, names: Mapping[str, int], where: str) -> int:
    """The value of `+ - * //`, parentheses, min and max over integers and names."""
    line = Line(" ".join(formula.split()), where)
    return _integer(_formula(line), names, line)


@lru_cache(maxsize=1024)
def _formula(line: Line) -> ast.expr:
    node = line.parsed()
    if not isinstance(node, ast.Expr):
        raise line.error(node, "expected a formula")
    return node.value


def _integer(node: ast.expr, names: Mapping[str, int], line: Line) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in names:
            known = ", ".join(names)
            raise line.error(node, f"unknown name '{node.id}' (known: {known})")
        return names[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_integer(node.operand, names, line)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        values = [_integer(a, names, line) for a in node.args]
        if node.func.id in ("min", "max"):
            return min(values) if node.func.id == "min" else max(values)
    if isinstance(node, ast.BinOp):
        left, right = _integer(node.left, names, line), _integer(node.right, names, line)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.FloorDiv):
            if right < 1:
                raise line.error(node, f"division by {right}")
            return left // right
    raise line.error(node, f"'{ast.unparse(node)}' is not allowed; allowed: + - * // min max")
