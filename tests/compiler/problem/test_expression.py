"""Random expressions survive being written and read; integer formulas compute as Python does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ProblemError
from compiler.problem.expression import Line, affine, expression, integer, parse_statement
from compiler.problem.primitive import Access, Affine, Call, Expression, Number, Read

LOOPS = ("i", "j")
SIZES = {"s": 3}
_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

_indices = st.builds(
    lambda a, b, c: Affine(tuple((x, k) for x, k in (("i", a), ("j", b)) if k), c),
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.integers(-5, 5),
)
_reads = st.builds(
    lambda name, found: Read(Access(name, tuple(found))),
    st.sampled_from(["x", "y"]),
    st.lists(_indices, min_size=1, max_size=3),
)


def _calls(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    two = st.sampled_from(["add", "sub", "mul", "div", "max", "min"])
    one = st.sampled_from(["neg", "exp", "sqrt", "tanh", "erf", "abs"])
    return st.builds(lambda f, a, b: Call(f, (a, b)), two, inner, _reads) | st.builds(
        lambda f, a: Call(f, (a,)), one, inner
    )


_expressions = st.recursive(_reads, _calls, max_leaves=6)


def _text(node: Expression) -> str:
    if isinstance(node, Number):
        return repr(node.value)
    if isinstance(node, Read):
        return str(node.access)
    parts = [_text(a) for a in node.arguments]
    if node.function in _SYMBOLS:
        return f"({parts[0]} {_SYMBOLS[node.function]} {parts[1]})"
    return f"(-{parts[0]})" if node.function == "neg" else f"{node.function}({', '.join(parts)})"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_expressions)
def test_written_expressions_read_back(node: Expression) -> None:
    raw = parse_statement(f"out[i] = {_text(node)}", "test")
    assert expression(raw.value, LOOPS, SIZES, raw.line) == node


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_indices, st.integers(0, 9), st.integers(0, 9))
def test_indices_mean_what_python_means(index: Affine, i: int, j: int) -> None:
    raw = parse_statement(f"x[{index}, 2*({index}) - s*(i-j)] = 1", "test")
    first, second = (affine(n, LOOPS, SIZES, raw.line) for n in raw.target.indices)
    assert first == index
    assert second.at({"i": i, "j": j}) == 2 * index.at({"i": i, "j": j}) - 3 * (i - j)


@pytest.mark.parametrize("divisor", [1, 3])
def test_sizes_divide_in_an_index(divisor: int) -> None:
    raw = parse_statement(f"x[i + 7//{divisor}] = 1", "test")
    (index,) = (affine(n, LOOPS, SIZES, raw.line) for n in raw.target.indices)
    assert index == Affine((("i", 1),), 7 // divisor)


@pytest.mark.parametrize("divisor", ["0", "-1", "(s - 4)"])
def test_a_divisor_of_an_index_is_at_least_one(divisor: str) -> None:
    raw = parse_statement(f"x[i + 7//{divisor}] = 1", "test")
    with pytest.raises(ProblemError, match="division by less than one"):
        affine(raw.target.indices[0], LOOPS, SIZES, raw.line)


@pytest.mark.parametrize(
    ("formula", "value"),
    [("(ih + 2*p - 1)//s + 1", 5), ("min(ih, p) - -4", 5), ("max(1, ih)", 7), ("7", 7)],
)
def test_integer_formulas(formula: str, value: int) -> None:
    assert integer(formula, {"ih": 7, "p": 1, "s": 2}, "test") == value


@pytest.mark.parametrize(
    "formula", ["ih/2", "ih.real", "[1]", "ih if 1 else 2", "1.5", "f(ih)", ""]
)
def test_other_formulas_are_refused(formula: str) -> None:
    with pytest.raises(ProblemError, match="test"):
        integer(formula, {"ih": 7}, "test")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="cmnkab[](),+-*/=. 01ex_\"'\\\n:;{}@é", max_size=30))
def test_any_text_is_a_statement_or_one_line_of_refusal(text: str) -> None:
    try:
        raw = parse_statement(text, "test")
        expression(raw.value, ("m", "n"), {}, raw.line)
    except ProblemError as error:
        assert str(error).startswith("test: ")
        assert len(str(error).splitlines()) == 1


def test_own_maximum_is_a_reduction_on_either_side() -> None:
    for text in ("y[i] = max(y[i], x[i,j])", "y[i] = max(x[i,j], y[ i ])"):
        assert parse_statement(text, "test").reduction == "max"
    assert parse_statement("y[i] = min(y[i], x[i])", "test").reduction == "min"
    assert parse_statement("y[i] = max(y[i+1], x[i])", "test").reduction is None


def test_the_column_is_counted_from_one() -> None:
    assert str(Line("abc", "here").error(3, "what")) == "here: column 3: what: abc"
