"""The form that vectorised microkernels take: a sum of products of two reads."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from compiler.errors import ScheduleError
from compiler.problem.primitive import Access, Call, Primitive, Read, Statement


@dataclass(frozen=True)
class Contraction:
    """`output += left * right`, seen from a vector loop.

    The vector operand is read as whole vectors, the broadcast operand as scalars that are the same
    in all lanes: convolution over output channels has the weights and the image in these roles.
    """

    statement: Statement
    output: Access
    vector_operand: Access
    broadcast_operand: Access

    @property
    def accesses(self) -> tuple[Access, Access, Access]:
        return self.vector_operand, self.broadcast_operand, self.output


def sum_of_products(nest: Primitive, number: int) -> tuple[Statement, Access, Access] | None:
    """A statement and its two factors when it is a sum of products, else None.

    Its output must be written once per element: tiles that overlap or leave gaps are no sums.
    """
    statement = nest.statements[number]
    if not covers(nest, statement.target):
        return None
    value = statement.value
    if statement.reduction != "add" or not isinstance(value, Call) or value.function != "mul":
        return None
    left, right = value.arguments
    if not isinstance(left, Read) or not isinstance(right, Read):
        return None
    if statement.target.tensor in (left.access.tensor, right.access.tensor):
        return None
    return statement, left.access, right.access


def anchor(nest: Primitive) -> int | None:
    """The statement that the others are arranged around: the one of most iterations.

    Among equals it is the first sum of products. None where no statement can be on whole vectors:
    none writes all of its target or goes on with it.
    """
    whole = [k for k, statement in enumerate(nest.statements) if vectorisable(nest, statement)]

    def weight(number: int) -> tuple[int, bool]:
        loops = nest.statements[number].loops
        return prod(nest.extent(loop) for loop in loops), sum_of_products(nest, number) is not None

    return max(whole, key=weight, default=None)


def contraction(nest: Primitive, number: int, vector: str) -> Contraction:
    """Roles of a statement's two operands when `vector` fills the lanes.

    Raises ScheduleError when it is no sum of products, or the loop is not one of the output
    (where it then stands alone in one index) or not in exactly one operand.
    """
    found = sum_of_products(nest, number)
    if found is None:
        raise ScheduleError(f"{nest.name}: only scheme scalar fits: not one sum of two factors")
    statement, left, right = found
    uses = [a for a in (left, right) if vector in a.loops]
    if vector in statement.reduction_loops or vector not in statement.loops:
        raise ScheduleError(f"{nest.name}: vector loop '{vector}' is not a loop of the output")
    if len(uses) != 1 or left.tensor == right.tensor:
        raise ScheduleError(f"{nest.name}: vector loop '{vector}' must be in exactly one factor")
    operand = uses[0]
    other = right if operand is left else left
    return Contraction(statement, statement.target, operand, other)


def covers(nest: Primitive, access: Access) -> bool:
    """Whether each element of the tensor is named exactly once: a loop of its own a dimension."""
    extents = dict(nest.extents)
    for index, size in zip(access.indices, nest.tensor(access.tensor).shape, strict=True):
        plain = index.constant == 0 and all(c == 1 for _, c in index.terms)
        if (
            not plain
            or len(index.terms) > 1
            or (extents[index.loops[0]] if index.loops else 1) != size
        ):
            return False
    loops = [loop for index in access.indices for loop in index.loops]
    return len(set(loops)) == len(loops)


def vectorisable(nest: Primitive, statement: Statement) -> bool:
    """Whether a statement's target is written in whole vectors: all of it once, or what it has."""
    return covers(nest, statement.target) or scatters(nest, statement)


def scatters(nest: Primitive, statement: Statement) -> bool:
    """Whether a statement meets elements of its target again, leaves some out, or writes beside it.

        out[k, 2*h + a - 1, 2*w + b - 1] += data[c,h,w] * weight[c,k,a,b]     a deconvolution

    The target is set before: its sums are added to what it holds. None of its dimensions is one
    that all writes are outside of.
    """
    target = statement.target
    if covers(nest, target) or any(one.tensor == target.tensor for one in statement.reads):
        return False
    extents = dict(nest.extents)
    bounds = (index.bounds(extents) for index in target.indices)
    shape = nest.tensor(target.tensor).shape
    return all(low < n and high >= 0 for (low, high), n in zip(bounds, shape, strict=True))


def dimension(access: Access, loop: str) -> int | None:
    """The dimension whose index is exactly `loop`, when the loop is in no other one."""
    found = [d for d, index in enumerate(access.indices) if loop in index.loops]
    if len(found) != 1:
        return None
    index = access.indices[found[0]]
    return found[0] if index.terms == ((loop, 1),) and index.constant == 0 else None
