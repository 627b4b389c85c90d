"""What statements compute together: the output as one expression of inputs and of reductions.

    t[m] = max(t[m], x[m,n])
    e[m,n] = exp(x[m,n] - t[m])        ->   e[m,n] = exp(x[m,n] - #0[m]),
                                            #0[m] = the maximum over n of x[m,n]

The statements are followed as values: a read of a written tensor is replaced by what it holds, with
the reader's loops in the place of the writer's. So temporaries and names of loops make no
difference. What a reduction gives is a read of a symbol (#0), which no tensor can be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.problem.primitive import (
    NEUTRAL,
    Access,
    Affine,
    Call,
    Expression,
    Number,
    Primitive,
    Read,
    Reduction,
    Statement,
    operations_of,
)
from harness.baseline.recognition.normal_form import normal, product, scaled
from harness.baseline.recognition.views import Unrecognised, check_covered, is_loop

MOST_OPERATIONS = 200  # in an expression: a temporary that is read often repeats


@dataclass(frozen=True)
class Reduced:
    """The value of a symbol at `kept`: `reduction` over the loops `over` of `value`."""

    reduction: Reduction
    value: Expression
    kept: tuple[str, ...]
    over: tuple[str, ...]


@dataclass(frozen=True)
class Followed:
    """The only output, `access` its dimensions' loops, and what it holds."""

    access: Access
    value: Expression
    reduced: Mapping[str, Reduced] = field(default_factory=dict)

    @property
    def loops(self) -> tuple[str, ...]:
        return loops_of(self.access)


def followed(primitive: Primitive) -> Followed:
    """Raises Unrecognised where the statements are no values of whole tensors."""
    outputs = [t.name for t in primitive.tensors if t.role == "output"]
    if len(outputs) != 1:
        raise Unrecognised(f"{len(outputs)} outputs, only a single one is taken")
    held: dict[str, tuple[tuple[str, ...], Expression]] = {}
    reduced: dict[str, Reduced] = {}
    access = primitive.statements[0].target
    for statement in primitive.statements:
        check_covered(primitive, statement.target)
        loops = loops_of(statement.target)
        value = _rewritten(primitive, statement, held)
        if statement.reduction is not None:
            if statement.reduction_loops:
                value = _symbol(statement, value, loops, reduced)
            before = _before(primitive, statement, loops, held)
            neutral = Number(NEUTRAL[statement.reduction])
            value = value if before == neutral else Call(statement.reduction, (before, value))
        if operations_of(value) > MOST_OPERATIONS:
            raise Unrecognised(f"more than {MOST_OPERATIONS} operations on an element")
        held[statement.target.tensor] = loops, value
        if statement.target.tensor == outputs[0]:
            access = statement.target
    return Followed(access, held[outputs[0]][1], reduced)


def loops_of(access: Access) -> tuple[str, ...]:
    """Of an access whose every index is one loop."""
    return tuple(index.loops[0] for index in access.indices)


def renamed(e: Expression, loops: Mapping[str, str]) -> Expression:
    """The expression with other loops; one that is not among them keeps its name."""
    if isinstance(e, Call):
        return Call(e.function, tuple(renamed(a, loops) for a in e.arguments))
    return e if isinstance(e, Number) else Read(with_loops(e.access, loops))


def with_loops(access: Access, loops: Mapping[str, str]) -> Access:
    """The access as `renamed` has it."""
    indices = (
        Affine(tuple(sorted((loops.get(x, x), c) for x, c in index.terms)), index.constant)
        for index in access.indices
    )
    return Access(access.tensor, tuple(indices))


def _symbol(
    statement: Statement,
    value: Expression,
    kept: tuple[str, ...],
    reduced: dict[str, Reduced],
) -> Expression:
    """What a reduction gives; a number that a sum multiplies every element by stands outside."""
    name = f"#{len(reduced)}"
    assert statement.reduction is not None
    symbol = Read(Access(name, tuple(Affine(((loop, 1),)) for loop in kept)))
    coefficient, factors = scaled(normal(value)) if statement.reduction == "add" else (1.0, ())
    outside = coefficient != 1 and bool(factors) and all(isinstance(f, Read) for f in factors)
    inside = product(*factors) if outside else value
    reduced[name] = Reduced(statement.reduction, inside, kept, statement.reduction_loops)
    return product(Number(coefficient), symbol) if outside else symbol


def _before(
    primitive: Primitive,
    statement: Statement,
    loops: tuple[str, ...],
    held: Mapping[str, tuple[tuple[str, ...], Expression]],
) -> Expression:
    """What the target of a reduction holds before its statement."""
    name = statement.target.tensor
    start = primitive.start_of(name)
    if start is None:
        raise Unrecognised(f"{name} starts from values of its own, only from zero is taken")
    if name not in held:
        return Number(start)
    own, value = held[name]
    return renamed(value, dict(zip(own, loops, strict=True)))


def _rewritten(
    primitive: Primitive,
    statement: Statement,
    held: Mapping[str, tuple[tuple[str, ...], Expression]],
) -> Expression:
    def rewritten(e: Expression) -> Expression:
        if isinstance(e, Call):
            return Call(e.function, tuple(map(rewritten, e.arguments)))
        if isinstance(e, Number) or e.access.tensor not in held:
            return e
        if not all(map(is_loop, e.access.indices)):
            raise Unrecognised(f"'{statement.text}' reads {e.access} shifted")
        check_covered(primitive, e.access)
        own, value = held[e.access.tensor]
        return renamed(value, dict(zip(own, loops_of(e.access), strict=True)))

    return rewritten(statement.value)
