"""A deep-learning primitive as a frozen value: tensors and affine statements, all sizes known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf, prod
from typing import Literal

from compiler.errors import ProblemError
from compiler.problem.dtypes import DType

Role = Literal["input", "output", "temporary"]
Reduction = Literal["add", "max", "min"]
NEUTRAL: Mapping[Reduction, float] = {"add": 0.0, "max": -inf, "min": inf}  # changes nothing


@dataclass(frozen=True)
class Affine:
    """`sum(coefficient * loop) + constant`; terms sorted by loop, without zero coefficients."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    @property
    def loops(self) -> tuple[str, ...]:
        return tuple(loop for loop, _ in self.terms)

    def coefficient(self, loop: str) -> int:
        return dict(self.terms).get(loop, 0)

    def at(self, point: Mapping[str, int]) -> int:
        """The value of the expression at one iteration."""
        return sum(c * point[loop] for loop, c in self.terms) + self.constant

    def bounds(self, extents: Mapping[str, int]) -> tuple[int, int]:
        """Smallest and largest value over the box `0 <= loop < extent`."""
        ends = [c * (extents[loop] - 1) for loop, c in self.terms]
        low = sum(e for e in ends if e < 0) + self.constant
        return low, sum(e for e in ends if e > 0) + self.constant

    def __str__(self) -> str:
        parts = [{1: loop, -1: f"-{loop}"}.get(c, f"{c}*{loop}") for loop, c in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts).replace("+ -", "- ")


@dataclass(frozen=True)
class Access:
    """One reference to an element of a tensor: an affine index per dimension."""

    tensor: str
    indices: tuple[Affine, ...]

    @cached_property
    def loops(self) -> tuple[str, ...]:
        """Those that it names, each once, in order of first appearance."""
        return tuple(dict.fromkeys(loop for index in self.indices for loop in index.loops))

    def __str__(self) -> str:
        return f"{self.tensor}[{', '.join(map(str, self.indices))}]"


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Read:
    access: Access


@dataclass(frozen=True)
class Call:
    """An operation: add sub mul div neg max min exp sqrt tanh erf abs."""

    function: str
    arguments: tuple[Expression, ...]

    @cached_property
    def tensors(self) -> frozenset[str]:
        """Names of those that it reads."""
        return frozenset(access.tensor for access in reads_of(self))


Expression = Number | Read | Call


def reads_of(expression: Expression) -> Iterator[Access]:
    """Every access in an expression, from left to right."""
    if isinstance(expression, Read):
        yield expression.access
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from reads_of(argument)


def operations_of(expression: Expression) -> int:
    """Arithmetic operations in one evaluation."""
    if isinstance(expression, Call):
        return 1 + sum(operations_of(a) for a in expression.arguments)
    return 0


@dataclass(frozen=True)
class Statement:
    """`target = value`, or `target = reduction(target, value)` when `reduction` is set."""

    target: Access
    reduction: Reduction | None
    value: Expression
    loops: tuple[str, ...]  # in order of first appearance, target first
    text: str

    @cached_property
    def reads(self) -> tuple[Access, ...]:
        """Accesses of the right-hand side (the reduction's own target is not among them)."""
        return tuple(reads_of(self.value))

    @property
    def accesses(self) -> tuple[Access, ...]:
        """The target, then the reads."""
        return (self.target, *self.reads)

    @cached_property
    def tensors(self) -> frozenset[str]:
        """Names of those that it writes or reads."""
        return frozenset(access.tensor for access in self.accesses)

    @cached_property
    def reduction_loops(self) -> tuple[str, ...]:
        """Loops over which the statement reduces: those the target does not name."""
        if self.reduction is None:
            return ()
        return tuple(loop for loop in self.loops if loop not in self.target.loops)


@dataclass(frozen=True)
class Tensor:
    """A dense tensor. `stored` is the order of its dimensions in the caller's memory."""

    name: str
    shape: tuple[int, ...]
    role: Role
    stored: tuple[int, ...]
    dtype: DType
    constant: bool = False  # its values are known ahead of time (weights), so it may be packed
    outside: float | None = None  # the value of reads outside the tensor
    values: tuple[float, ...] | None = None  # row-major, for tensors fixed in the primitive's file
    plain: bool = False  # lies in memory as `stored`; only a constant tensor may be packed instead
    accumulate: bool = False  # an output that starts from the caller's values

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * self.dtype.bytes


@dataclass(frozen=True)
class Primitive:
    """A problem: loops with extents, tensors with shapes, statements in program order."""

    name: str
    sizes: tuple[tuple[str, int], ...]
    extents: tuple[tuple[str, int], ...]  # of every loop that a statement uses
    tensors: tuple[Tensor, ...]
    statements: tuple[Statement, ...]

    @property
    def dtype(self) -> DType:
        """That of its tensors: a primitive's file gives one for all of them."""
        (dtype,) = {tensor.dtype for tensor in self.tensors}
        return dtype

    def extent(self, loop: str) -> int:
        return dict(self.extents)[loop]

    def tensor(self, name: str) -> Tensor:
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        known = ", ".join(t.name for t in self.tensors)
        raise ProblemError(f"{self.name}: unknown tensor '{name}'; known: {known}")

    def start_of(self, name: str) -> float | None:
        """What a written tensor holds before its first statement; None: the caller's values.

        The first statement that writes it decides: 0 for `+=` and `=`, -inf for max, inf for min.
        Elements that no statement writes keep it. Later statements continue from what is there.
        """
        if self.tensor(name).accumulate or self.tensor(name).role == "input":
            return None
        first = next(s for s in self.statements if s.target.tensor == name)
        return NEUTRAL[first.reduction or "add"]

    @property
    def flops(self) -> int:
        """Nominal operations: every point of the loops' box counts, padding taps included."""
        extents = dict(self.extents)
        total = 0
        for s in self.statements:
            operations = operations_of(s.value) + (s.reduction is not None)
            total += operations * prod(extents[loop] for loop in s.loops)
        return total
