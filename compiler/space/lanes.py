"""A loop in the lanes of vectors: how many, which layouts make it contiguous, in which order loops
then follow memory.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.lower.addressing import Address
from compiler.microkernel.contraction import dimension
from compiler.model.accesses import accesses
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive, Tensor
from compiler.schedule.layout import Layout, layout_of

LEAST = 16  # bytes of a vector, which every machine with vectors has


def lanes_of(nest: Primitive, vector: str, machine: Architecture) -> int:
    """Elements of a vector: fewer than the machine's hold a short loop, down to LEAST bytes."""
    dtype = nest.tensor(nest.statements[0].target.tensor).dtype
    lanes, least = machine.lanes(dtype), LEAST // dtype.bytes
    while lanes > least and nest.extent(vector) <= lanes // 2:
        lanes //= 2
    return lanes


def innermost(tensor: Tensor) -> int:
    """The dimension whose elements are neighbours for the caller: the last one longer than 1."""
    last = (d for d in reversed(tensor.stored) if tensor.shape[d] > 1)
    return next(last, tensor.stored[-1])


def lanes_innermost(nest: Primitive, access: Access, vector: str, lanes: int) -> str | None:
    """The tag of the natural layout with the vector loop's dimension in blocks of `lanes`.

    Where other loops, a step or a constant stand in its index, here or in another statement of the
    nest, that dimension is innermost instead. None where it is so already, filled by whole vectors
    where blocks could be.
    """
    tensor, place = nest.tensor(access.tensor), dimension(access, vector)
    if place is None or not _blockable(nest, access.tensor, place):
        place = _moved_dimension(access, vector)
        if place is None or innermost(tensor) == place:
            return None
        others = tuple(d for d in tensor.stored if d != place)
        return Layout(tensor.shape, (*others, place)).tag()
    if innermost(tensor) == place and tensor.shape[place] % lanes == 0:
        return None
    return Layout(tensor.shape, tuple(range(len(tensor.shape))), ((place, lanes),)).tag()


def may_lie(nest: Primitive, name: str, tag: str | None) -> bool:
    """Whether another tensor's layout suits one of that shape: loops alone name what it blocks."""
    tensor = nest.tensor(name)
    return tag is None or all(_blockable(nest, name, d) for d, _ in layout_of(tensor, tag).blocks)


def _blockable(nest: Primitive, tensor: str, place: int) -> bool:
    """Whether every index of a dimension is a loop alone, or a constant."""
    indices = [access.indices[place] for access in accesses(nest) if access.tensor == tensor]
    plain = ((step == 1 for _, step in i.terms) for i in indices)
    return all(
        not index.terms or (len(index.terms) == 1 and all(ones) and not index.constant)
        for index, ones in zip(indices, plain, strict=True)
    )


def _moved_dimension(access: Access, vector: str) -> int | None:
    """The only dimension whose index moves with the loop."""
    found = [d for d, index in enumerate(access.indices) if vector in index.loops]
    return found[0] if len(found) == 1 else None


def memory_order(
    address: Address, loops: Iterable[str], vector: str, lanes: int
) -> tuple[str, ...]:
    """Loops outermost first, as the elements of an operand follow each other in memory.

    The vector loop goes by the blocks of its layout, if it has any.
    """
    block = address.block_of(vector)
    whole = max(block, lanes) if block > 1 else 1
    steps = {x: abs(address.coefficient(x, whole if x == vector else 1)) for x in loops}
    return tuple(sorted(steps, key=lambda loop: -steps[loop]))
