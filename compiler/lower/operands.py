"""The operands of a microkernel in their layouts: addresses, packed copies, borders."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, TileClass, borders, tile_classes
from compiler.lower.tree import Microkernel, Tree
from compiler.microkernel.contraction import Contraction, contraction
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.layout import Layout, layout_from_tag


@dataclass(frozen=True)
class Packed:
    """The workspace copy of a tensor: element i of a dimension is element `i - shift` of it."""

    source: Layout
    target: Layout
    shift: tuple[int, ...]
    outside: float
    tensor: str


@dataclass(frozen=True)
class Operands:
    """The three accesses of a contraction, placed in their layouts."""

    roles: Contraction
    vector: Address
    broadcast: Address
    output: Address
    copies: tuple[Packed, ...]
    borders: tuple[Border, ...]  # of the broadcast operand
    whole_loads: bool  # the vector operand may be read past the loop's end
    whole_stores: bool
    accumulate: bool  # the output's values on entry count


def operands(tree: Tree, leaf: Microkernel) -> Operands:
    """The operands of a leaf; ScheduleError where one cannot lie as the schedule says."""
    nest, loop, lanes = tree.nest, leaf.vector, leaf.lanes
    roles = contraction(nest, leaf.statement, loop)
    copies = _copies(tree, roles, {loop: -nest.extent(loop) % lanes})

    def placed(access: Access) -> Address:
        copy = copies.get(access.tensor)
        if copy is not None:
            return Address(access, copy.target, copy.shift)
        return Address(access, tree.layout_of(access.tensor))

    vector, broadcast, output = (placed(access) for access in roles.accesses)
    padded: tuple[Border, ...] = ()
    if broadcast.access.tensor not in copies:
        padded = borders(nest, roles.statement, broadcast.access)
    whole = nest.extent(loop) % lanes == 0
    return Operands(
        roles,
        vector,
        broadcast,
        output,
        tuple(copies.values()),
        padded,
        whole or vector.access.tensor in copies or vector.block_of(loop) % lanes == 0,
        whole or output.block_of(loop) % lanes == 0,
        nest.tensor(roles.output.tensor).accumulate,
    )


def _copies(tree: Tree, roles: Contraction, slack: dict[str, int]) -> dict[str, Packed]:
    """Workspace copies of operands, by tensor."""
    copies: dict[str, Packed] = {}
    for name, tag in tree.pack:
        uses = [a for a in (roles.vector_operand, roles.broadcast_operand) if a.tensor == name]
        if not uses:
            raise ScheduleError(
                f"{tree.nest.name}: schedule: '{name}' is no operand, it is not packed"
            )
        past = slack if uses[0] is roles.vector_operand else {}
        copies[name] = packed(tree.nest, uses[0], tree.layout_of(name), tag, past)
    return copies


def packed(
    nest: Primitive, access: Access, source: Layout, tag: str, slack: dict[str, int]
) -> Packed:
    """A copy that covers every index of the access, `slack[loop]` points past a loop's end too."""
    extents = dict(nest.extents)
    for loop, more in slack.items():
        extents[loop] += more
    tensor = nest.tensor(access.tensor)
    shape, shift = [], []
    for index, size in zip(access.indices, tensor.shape, strict=True):
        low, high = index.bounds(extents)
        shift.append(max(0, -low))
        shape.append(max(high + 1, size) + shift[-1])
    if tensor.outside is None and tuple(shape) != tensor.shape and not slack:
        raise ScheduleError(f"schedule: {tensor.name} has no value outside, so it needs no packing")
    target = layout_from_tag(tag, tuple(shape))
    return Packed(source, target, tuple(shift), tensor.outside or 0.0, tensor.name)


def tiles_of(leaf: Microkernel, placed: Operands) -> list[tuple[TileClass, ...]]:
    """Border classes of each loop of the output; the kernel has a function for each product."""
    partial = not (placed.whole_loads and placed.whole_stores)
    by_point = {border.point: border for border in placed.borders}
    return [
        tile_classes(grain, by_point.get(grain.loop), partial and grain.loop == leaf.vector)
        for grain in leaf.grains
        if not grain.summed
    ]
