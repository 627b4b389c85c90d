"""What no kernel of a primitive can pass on a machine: its own roofline, whatever the schedule.

    seconds = max(operations / peak, bytes / bandwidth of the level that holds them)

Operations are those of vectors, in elements: a product that is added at once is one multiply-add,
a division, root or function what `compiler.microkernel.functions` says, anything else one. Each
expression counts once for every iteration of the loops that it reads by, as if it were kept, so
`exp(x[i]) * w[j]` counts one exp an i; the statements count as they are written, so algebra that
needs fewer operations can pass the bound, and so can kernels that skip padding.
Bytes are compulsory: the box of each input's elements that is read, outputs whole, outputs that
start from the caller's values twice, temporaries not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from compiler.microkernel.functions import OPERATIONS
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Call, Expression, Primitive, Statement, Tensor, reads_of

MEMORY = "memory"
SHARING = 2  # cores that together read twice what one reads from memory; more read no more


@dataclass(frozen=True)
class OwnRoofline:
    """Least seconds of a call, and what they are made of; `bound` is compute or the level's name.

    `level` is the smallest one that holds all the bytes: a cache, or memory; the cores read
    `bandwidth` GB/s from it together.
    """

    seconds: float
    bound: str
    operations: int
    bytes: int
    level: str
    bandwidth: float


def own_roofline(
    primitive: Primitive, machine: Architecture, threads: int = 1, cold: bool = False
) -> OwnRoofline | None:
    """The bound on so many cores; None where a ceiling that it needs was not measured.

    Where the tensors are `cold` they come from memory, however small they are.
    """
    work = sum(operations_of(primitive, s) for s in primitive.statements)
    moved = compulsory_bytes(primitive)
    level, bandwidth = _holding(machine, moved, threads, cold)
    if machine.peak is None or bandwidth is None:
        return None
    computing = 2 * work / (machine.peak * 1e9 * threads)  # the peak counts a multiply-add twice
    moving = moved / (bandwidth * 1e9)
    bound = "compute" if computing >= moving else level
    return OwnRoofline(max(computing, moving), bound, work, moved, level, bandwidth)


def _holding(
    machine: Architecture, size: int, threads: int, cold: bool
) -> tuple[str, float | None]:
    """The level that holds so many bytes, and the GB/s that the cores read from it together."""
    for level in () if cold else machine.caches:
        copies = -(-threads // level.shared_by)  # caches of this level among the cores used
        if size <= level.bytes * copies:
            return level.name, None if level.bandwidth is None else level.bandwidth * threads
    rate = machine.memory_bandwidth
    return MEMORY, None if rate is None else rate * min(threads, SHARING)


def operations_of(primitive: Primitive, statement: Statement) -> int:
    """Vector operations of one statement over all its iterations, in elements."""
    extents = dict(primitive.extents)
    total = sum(
        cost_of(call) * _points(extents, call)
        for call in dict.fromkeys(kept_operations(statement.value))
    )
    if statement.reduction is not None:
        total += prod(extents[loop] for loop in statement.loops)
        if statement.reduction == "add" and is_call(statement.value, "mul"):
            total -= _points(extents, statement.value)  # the product is part of a multiply-add
    return total


def kept_operations(value: Expression) -> Iterator[Call]:
    """The operations of an expression, without products that an addition takes up."""
    if not isinstance(value, Call):
        return
    yield value
    adds = value.function in ("add", "sub")
    taken = next((a for a in value.arguments if is_call(a, "mul")), None) if adds else None
    for argument in value.arguments:
        inner = kept_operations(argument)
        if argument is taken:
            next(inner)
            taken = None
        yield from inner


def is_call(value: Expression, function: str) -> bool:
    """Whether a value is a call of a function."""
    return isinstance(value, Call) and value.function == function


def cost_of(call: Call) -> int:
    """Vector operations of one call, its arguments apart."""
    return OPERATIONS.get(call.function, 1)


def _points(extents: Mapping[str, int], value: Expression) -> int:
    """Iterations of the loops that an expression reads by."""
    loops = {loop for read in reads_of(value) for loop in read.loops}
    return prod(extents[loop] for loop in loops)


def compulsory_bytes(primitive: Primitive) -> int:
    """Bytes that have to be read or written once by any kernel."""
    return sum(_bytes(primitive, tensor) for tensor in primitive.tensors)


def _bytes(primitive: Primitive, tensor: Tensor) -> int:
    if tensor.role == "temporary":
        return 0
    if tensor.role == "output":
        return tensor.bytes * (2 if tensor.accumulate else 1)
    extents = dict(primitive.extents)
    reads = [a for s in primitive.statements for a in s.reads if a.tensor == tensor.name]
    box = 1
    for dimension, size in enumerate(tensor.shape):
        ends = [access.indices[dimension].bounds(extents) for access in reads]
        first = max(0, min(low for low, _ in ends))
        box *= max(0, min(size - 1, max(high for _, high in ends)) - first + 1)
    return box * tensor.dtype.bytes
