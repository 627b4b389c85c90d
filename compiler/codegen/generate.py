"""From a nest and a schedule to a kernel: roles, layouts, border classes, functions, loops."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod

from compiler.codegen.c_printer import prelude, translation_unit
from compiler.codegen.kernel import Buffer, Kernel
from compiler.codegen.loop_ast import TileSpace, c_loops
from compiler.codegen.microkernel_body import Microkernel, Operands
from compiler.codegen.packing import Packed, packed
from compiler.codegen.scalar_nest import fixed_tensors, scalar_body
from compiler.errors import ScheduleError
from compiler.lower.addressing import Placement
from compiler.lower.border_classes import MOST_PRINTED, Guard, TileClass, guards, tile_classes
from compiler.lower.tiling import register_tiles
from compiler.microkernel.contraction import Contraction, contraction
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.fit import check_fit, layout_of
from compiler.schedule.schedule import Schedule, loop_of


def generate(nest: Primitive, schedule: Schedule) -> Kernel:
    """The kernel of a nest under a legal schedule; ScheduleError when the schedule does not fit.

    The same nest and schedule give the same bytes.
    """
    check_fit(nest, schedule)
    if schedule.scheme == "scalar":
        return _scalar_kernel(nest, schedule)
    roles = contraction(nest, schedule.vector[0])
    copies = _copies(nest, schedule, roles)
    operands = _operands(nest, schedule, roles, copies)
    kernels = _microkernels(nest, schedule, operands)
    space = TileSpace(nest, schedule, roles.statement.reduction_loops)

    def call(name: str, coordinates: tuple[str, ...]) -> str:
        return _call(kernels[name], space, operands, coordinates)

    loops = c_loops(space, [(k.name, _by_loop(k.tiles)) for k in kernels.values()], call)
    layouts = {t.name: layout_of(nest, schedule, t.name) for t in nest.tensors}
    buffers = _buffers(nest, schedule) + _workspaces(copies)
    packing = [f"pack_{name}(t_{name}, t_packed_{name});" for name in copies]
    fence = ["__builtin_ia32_sfence();"] if schedule.nontemporal else []
    text = translation_unit(
        _comment(nest, schedule),
        prelude(schedule.vector[1], schedule.nontemporal),
        [
            *(copy.text(bool(schedule.parallel)) for copy in copies.values()),
            *(k.text() for k in kernels.values()),
        ],
        buffers,
        [*fixed_tensors(nest, layouts), *packing, *loops, *_guarded(fence)],
    )
    return Kernel(text, buffers, bool(schedule.parallel))


def _scalar_kernel(nest: Primitive, schedule: Schedule) -> Kernel:
    buffers = _buffers(nest, schedule)
    temporaries = tuple(
        Buffer(t.name, "workspace", t.elements, None) for t in nest.tensors if t.role == "temporary"
    )
    layouts = {t.name: layout_of(nest, schedule, t.name) for t in nest.tensors}
    text = translation_unit(
        _comment(nest, schedule),
        prelude(1, False) + "float expf(float), tanhf(float), erff(float);\n",
        [],
        buffers + temporaries,
        scalar_body(nest, schedule, layouts),
    )
    return Kernel(text, buffers + temporaries, bool(schedule.parallel))


def _copies(nest: Primitive, schedule: Schedule, roles: Contraction) -> dict[str, Packed]:
    """Workspace copies of operands, by tensor."""
    loop, lanes = schedule.vector
    slack = {loop: -nest.extent(loop) % lanes}
    copies: dict[str, Packed] = {}
    for name, tag in schedule.pack:
        uses = [a for a in (roles.vector_operand, roles.broadcast_operand) if a.tensor == name]
        if not uses:
            raise ScheduleError(f"{nest.name}: schedule: '{name}' is no operand, it is not packed")
        past = slack if uses[0] is roles.vector_operand else {}
        copies[name] = packed(nest, uses[0], layout_of(nest, schedule, name), tag, past)
    return copies


def _operands(
    nest: Primitive, schedule: Schedule, roles: Contraction, copies: Mapping[str, Packed]
) -> Operands:
    loop, lanes = schedule.vector

    def placed(access: Access) -> Placement:
        copy = copies.get(access.tensor)
        if copy is not None:
            return Placement(access, copy.target, copy.shift)
        return Placement(access, layout_of(nest, schedule, access.tensor))

    vector, broadcast, output = (placed(access) for access in roles.accesses)
    borders: tuple[Guard, ...] = ()
    if roles.broadcast_operand.tensor not in copies:
        borders = guards(nest, roles.broadcast_operand)
    if roles.vector_operand.tensor not in copies and guards(nest, roles.vector_operand):
        raise ScheduleError(f"schedule: {roles.vector_operand.tensor} must be packed: it is padded")
    for placement in (vector, output):
        if lanes > 1 and not placement.contiguous(loop):
            raise ScheduleError(
                f"schedule: {placement.access.tensor} is not contiguous along {loop}"
            )
        _check_vector_block(nest, schedule, placement)
    for placement in (vector, broadcast, output):
        _check_blocks(nest, schedule, placement)
    for tiled, size in schedule.tile:
        if size > 1 and tiled != loop and vector.uses(tiled):
            raise ScheduleError(
                f"schedule: tile {tiled}.{size}: {vector.access.tensor} differs along {tiled}, "
                "a vector of it cannot serve several points"
            )
    for guard in borders:
        if any(loop_of(level) == guard.tap for level, _ in schedule.block):
            raise ScheduleError(f"schedule: {guard.tap} reads past a border, it cannot be blocked")
    if schedule.nontemporal and not _aligned(nest, output, loop, lanes):
        raise ScheduleError(
            f"schedule: nontemporal: vectors of {output.access.tensor} are not all aligned"
        )
    whole = nest.extent(loop) % lanes == 0
    return Operands(
        vector,
        broadcast,
        output,
        borders,
        whole or roles.vector_operand.tensor in copies or vector.block_of(loop) % lanes == 0,
        whole or output.block_of(loop) % lanes == 0,
        nest.tensor(roles.output.tensor).accumulate,
    )


def _aligned(nest: Primitive, placement: Placement, loop: str, lanes: int) -> bool:
    """Whether every vector starts at a multiple of its length, as the buffer does."""
    steps = [placement.coefficient(x, 1) for x, _ in nest.extents if x != loop]
    steps += [placement.coefficient(loop, lanes)] if nest.extent(loop) > lanes else []
    return all(step % lanes == 0 for step in steps)


def _check_blocks(nest: Primitive, schedule: Schedule, placement: Placement) -> None:
    """A loop inside the microkernel stays in one block of a layout, or goes by whole ones."""
    reduction = nest.statements[0].reduction_loops
    inner = schedule.microkernel_levels(reduction)
    for loop, extent in nest.extents:
        block = placement.block_of(loop)
        if loop == schedule.vector[0] or block == 1 or block >= extent:
            continue
        fits = True
        if loop not in reduction:
            (_, size), *others = register_tiles(nest, schedule, loop)
            fits = size == 1 or (not others and block % size == 0)
        around = extent
        for level in (x for x in schedule.order if loop_of(x) == loop and loop in reduction):
            step = schedule.block_of(level) or 1
            fits = fits and (level not in inner or step % block == 0 or block % around == 0)
            around = step
        if not fits:
            raise ScheduleError(
                f"schedule: {placement.access.tensor}: blocks of {block} along {loop} are neither "
                "whole steps nor whole pieces of its levels"
            )


def _check_vector_block(nest: Primitive, schedule: Schedule, placement: Placement) -> None:
    """A block along the vector loop holds whole register tiles, or is one vector."""
    loop, lanes = schedule.vector
    block, tile = placement.block_of(loop), schedule.tile_of(loop) * lanes
    vectors = -(-nest.extent(loop) // lanes)
    uniform = vectors % schedule.tile_of(loop) == 0 and block % tile == 0
    if block not in (1, lanes) and not uniform and block < nest.extent(loop):
        raise ScheduleError(
            f"schedule: {placement.access.tensor}: blocks of {block} do not hold tiles of {tile}"
        )


def _microkernels(
    nest: Primitive, schedule: Schedule, operands: Operands
) -> dict[str, Microkernel]:
    partial = not (operands.whole_loads and operands.whole_stores)
    reduction = nest.statements[0].reduction_loops
    by_loop = []
    for loop, _ in nest.extents:
        if loop in reduction:
            continue
        guard = next((g for g in operands.guards if g.point == loop), None)
        last = partial and loop == schedule.vector[0]
        by_loop.append(tile_classes(nest, schedule, loop, guard, last))
    printed = schedule.unroll * prod(sum(c.printed for c in classes) for classes in by_loop)
    if printed > MOST_PRINTED:
        raise ScheduleError(
            f"{nest.name}: schedule: its C text would have {printed} multiply-adds, "
            f"{MOST_PRINTED} are allowed; make the register tile or unroll smaller"
        )
    kernels = {}
    for number, tiles in enumerate(product(*by_loop)):
        name = f"tile{number}"
        kernels[name] = Microkernel(name, nest, schedule, operands, tiles)
    return kernels


def _by_loop(tiles: tuple[TileClass, ...]) -> dict[str, TileClass]:
    return {tile.loop: tile for tile in tiles}


def _call(
    kernel: Microkernel, space: TileSpace, operands: Operands, coordinates: tuple[str, ...]
) -> str:
    at = dict(zip(space.loops, coordinates, strict=True))
    arguments = []
    for placement in (operands.vector, operands.broadcast, operands.output):
        name = placement.access.tensor
        arguments.append(f"t_packed_{name}" if placement.shift else f"t_{name}")
    lanes = {kernel.schedule.vector[0]: kernel.schedule.vector[1]}
    for tile in kernel.tiles:
        scale = lanes.get(tile.loop, 1)
        arguments.append(_scaled(at[tile.loop], tile.size * scale, tile.offset * scale))
    for level in kernel.outer_reduction:
        arguments.append(_scaled(at[loop_of(level)], space.step(loop_of(level)), 0))
    return f"{kernel.name}({', '.join(arguments)});"


def _scaled(coordinate: str, size: int, offset: int) -> str:
    text = f"({coordinate})" if not coordinate.isalnum() else coordinate
    text = f"{text} * {size}" if size != 1 else text
    return f"{text} + {offset}".replace("+ -", "- ") if offset else text


def _buffers(nest: Primitive, schedule: Schedule) -> tuple[Buffer, ...]:
    buffers = []
    for tensor in nest.tensors:
        if tensor.role == "temporary" or tensor.values is not None:
            continue
        layout = layout_of(nest, schedule, tensor.name)
        buffers.append(Buffer(tensor.name, tensor.role, layout.elements, layout, tensor.constant))
    return tuple(buffers)


def _workspaces(copies: Mapping[str, Packed]) -> tuple[Buffer, ...]:
    return tuple(
        Buffer(f"packed_{name}", "workspace", copy.target.elements, None)
        for name, copy in copies.items()
    )


def _guarded(fence: list[str]) -> list[str]:
    return ["#if defined(__SSE__)", *fence, "#endif"] if fence else []


def _comment(nest: Primitive, schedule: Schedule) -> list[str]:
    sizes = " ".join(f"{name}={value}" for name, value in nest.sizes)
    statements = [statement.text for statement in nest.statements]
    return [f"{nest.name}: {sizes}", *statements, f"schedule {schedule}"]
