"""Whether a schedule fits a nest: every refusal but that of a broken dependence stands here.

First its names and sizes, then the tree that it lowers to: what a microkernel demands of its
operands. Where these cannot lie as the schedule says at all, `addressing`, `border_classes` and
`operands` say so on the way. What fits can be printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.ahead import next_piece, operands_ahead
from compiler.lower.border_classes import MOST_PRINTED, borders
from compiler.lower.lowered import anchored, lowered
from compiler.lower.operands import Factors, Operands, Summand, begins, operands, tiles_of
from compiler.lower.product_fit import check_product
from compiler.lower.tree import Grain, Microkernel, Path, Tree
from compiler.microkernel.catalogue import CATALOGUE
from compiler.microkernel.contraction import covers, scatters, vectorisable
from compiler.problem.primitive import Primitive, Statement, operations_of
from compiler.schedule.layout import free, layout_from_tag
from compiler.schedule.schedule import Band, Schedule, depth_of, loop_of

SCALAR = (
    "scheme scalar takes order, block, parallel, private, layout, keep and fusion at levels only"
)


def fitted(nest: Primitive, schedule: Schedule) -> Tree:
    """The tree of a schedule that fits; ScheduleError names the first field that does not.

    Says nothing of legality: a schedule that fits may still break a dependence.
    """
    _check_names(nest, schedule)
    tree = lowered(nest, schedule)
    for path in tree.paths():
        if path.around:
            _check_attached(nest, path)
        if isinstance(path.leaf, Microkernel):
            _check_microkernel(tree, path, path.leaf)
        else:
            statement = tree.statement(path.leaf)
            for access in statement.accesses:
                Address(access, tree.layout_of(access.tensor))  # or it says why there is none
    return tree


def _check_attached(nest: Primitive, path: Path) -> None:
    """What a band that runs inside another one cannot have."""
    number, leaf = path.leaf.statement, path.leaf
    where = f"{nest.name}: schedule: fusion:S{number}.{path.around[-1].level.name}"
    if parallel := [level.name for level in path.levels if level.parallel]:
        raise ScheduleError(
            f"{where}: its own level {parallel[0]} is parallel; those around may be"
        )
    if path.private:
        raise ScheduleError(f"{where}: private: copies are combined behind all loops")
    if not isinstance(leaf, Microkernel):
        return
    if leaf.nontemporal:
        raise ScheduleError(
            f"{where}: nontemporal: what is read at once is not written past caches"
        )
    for region in path.regions:
        held = [region.aligned, *region.sizes]
        if region.loop == leaf.vector and any(n % leaf.lanes for n in held):
            raise ScheduleError(
                f"{where}: pieces of {region.loop} are no whole vectors of {leaf.lanes}"
            )


def _check_names(nest: Primitive, schedule: Schedule) -> None:
    """Its loops, levels, sizes and layouts exist there."""
    where = f"{nest.name}: schedule"
    for band, numbers in anchored(nest, schedule):
        _check_band(nest, band, [nest.statements[number] for number in numbers])
    lanes = sorted({band.vector[1] for band in schedule.bands if band.vector[0]})
    if len(lanes) > 1:
        raise ScheduleError(f"{where}: vector: bands of {lanes[0]} and {lanes[1]} lanes; give one")
    for name, tag in (*schedule.layout, *schedule.pack):
        layout_from_tag(tag, nest.tensor(name).shape)
    for name, _ in schedule.layout:
        if not free(nest.tensor(name)):
            raise ScheduleError(f"{where}: the layout of '{name}' is fixed by the caller")
    for name, _ in schedule.pack:
        if any(statement.target.tensor == name for statement in nest.statements):
            raise ScheduleError(f"{where}: pack:{name}: a statement writes it, copies come before")
    if schedule.pack and all(band.scheme == "scalar" for band in schedule.bands):
        raise ScheduleError(f"{where}: {SCALAR}")


def _check_band(nest: Primitive, band: Band, statements: Sequence[Statement]) -> None:
    where = f"{nest.name}: schedule"
    loops = [loop for loop, _ in nest.extents if any(loop in s.loops for s in statements)]
    reduction = {loop for s in statements for loop in s.reduction_loops}
    named = (*band.order, *(name for name, _ in (*band.tile, *band.block)))
    for level in named + ((band.vector[0],) if band.vector[0] else ()):
        if loop_of(level) not in loops:
            raise ScheduleError(f"{where}: unknown loop '{level}'; known: {', '.join(loops)}")
    for loop in loops:
        _check_levels(where, band, loop, nest.extent(loop))
    for loop, _ in band.tile:
        if loop in reduction and not (_across(band) and loop == band.vector[0]):
            raise ScheduleError(f"{where}: '{loop}' is a reduction loop, it cannot be tiled")
    for tensor, level in band.private:
        _check_private(where, band, tensor, level, statements)
    bare = Band("scalar", band.order, ("", 1), (), band.block, band.parallel, band.private)
    bare = replace(bare, of=band.of, fusion=band.attached, keep=band.keep)
    if band.scheme == "scalar" and band != bare:
        raise ScheduleError(f"{where}: {SCALAR}")
    if band.scheme == "scalar":
        return
    if len(statements) > 1:
        raise ScheduleError(
            f"{where}: a {band.scheme} band is of one statement; give the others bands or fusion"
        )
    if not CATALOGUE[band.scheme].sums:
        _check_expression(nest, band, statements[0])


def _check_private(
    where: str, band: Band, tensor: str, level: str, statements: Sequence[Statement]
) -> None:
    """Every statement that writes the tensor only adds to it, or takes an extremum."""
    where = f"{where}: private:{tensor}.{level}"
    loop = loop_of(level)
    writers = [s for s in statements if s.target.tensor == tensor and loop in s.loops]
    if not writers:
        raise ScheduleError(f"{where}: no statement of its band writes '{tensor}' under {loop}")
    for statement in writers:
        own = any(access.tensor == tensor for access in statement.reads)
        if statement.reduction is None or own:
            raise ScheduleError(f"{where}: '{tensor}' is not only added to: {statement.text}")
        if band.scheme != "scalar" and loop not in statement.reduction_loops:
            raise ScheduleError(f"{where}: '{loop}' is a loop of the output, it needs no copies")
    if level != next(x for x in band.order if loop_of(x) == loop):
        raise ScheduleError(f"{where}: only the outermost level of {loop} may have copies")


def _across(band: Band) -> bool:
    """Whether its lanes lie across the reduction."""
    return band.scheme != "scalar" and CATALOGUE[band.scheme].across


def _check_expression(nest: Primitive, band: Band, statement: Statement) -> None:
    """Of the forms that take any expression."""
    where, loop, across = f"{nest.name}: schedule", band.vector[0], _across(band)
    if across and loop not in statement.reduction_loops:
        raise ScheduleError(f"{where}: vector loop '{loop}' is not a loop of a reduction")
    if not across and loop in statement.reduction_loops:
        raise ScheduleError(f"{where}: vector loop '{loop}' is not a loop of the output")
    own = any(access.tensor == statement.target.tensor for access in statement.reads)
    if not vectorisable(nest, statement) or (own and statement.reduction_loops):
        raise ScheduleError(f"{where}: only scheme scalar fits: {statement.target} is no whole")
    if scatters(nest, statement):
        _check_scattered(where, band, statement)
    if across and (band.nontemporal or band.microkernel != "generated"):
        raise ScheduleError(f"{where}: scheme dot takes no nontemporal and no microkernel")
    if not across and (band.prefetch or band.microkernel != "generated"):
        raise ScheduleError(f"{where}: scheme lanes takes no prefetch and no microkernel")


def _check_scattered(where: str, band: Band, statement: Statement) -> None:
    """Points of a register tile are elements of their own, and each sum stays in one place."""
    target = statement.target
    for text, given in (("private", band.private), ("fusion", band.fused)):
        if given:
            raise ScheduleError(
                f"{where}: {text}: {target} is written part by part, no tile of it is a whole"
            )
    tiled = {loop for loop, n in band.tile if n > 1} | {band.vector[0]}
    tiled -= set(statement.reduction_loops)
    alone = {
        x for i in target.indices if len(found := tiled.intersection(i.loops)) == 1 for x in found
    }
    if meeting := sorted(tiled - alone):
        raise ScheduleError(
            f"{where}: tile: points along {' and '.join(meeting)} meet in elements of {target}"
        )


def _check_levels(where: str, band: Band, loop: str, extent: int) -> None:
    present = [level for level in band.order if loop_of(level) == loop]
    depths = [depth_of(level) for level in present]
    if loop not in present or depths != sorted(depths, reverse=True):
        raise ScheduleError(f"{where}: the order must hold '{loop}', after its tile loops")
    above = 0
    for level in present[:-1]:
        size = band.block_of(level)
        if size is None:
            raise ScheduleError(f"{where}: level '{level}' has no size; give block:{level}.SIZE")
        if above % size:
            raise ScheduleError(f"{where}: block {level}.{size} does not divide {above} around it")
        above = size
    for level, _ in band.block:
        if loop_of(level) == loop and level not in present[:-1]:
            raise ScheduleError(f"{where}: block '{level}' is no tile level of the order")
    if band.tile_of(loop) > extent:
        raise ScheduleError(
            f"{where}: tile {loop}.{band.tile_of(loop)} is larger than its extent {extent}"
        )


def _check_microkernel(tree: Tree, path: Path, leaf: Microkernel) -> None:
    nest = tree.nest
    if inside := [level.name for level in leaf.levels if level.parallel]:
        raise ScheduleError(
            f"{nest.name}: schedule: parallel level '{inside[0]}' is inside the microkernel"
        )
    placed = operands(tree, leaf)
    reduced = placed.reduced
    if isinstance(reduced, Factors):
        _check_factors(tree, path, leaf, reduced)
    elif reduced is not None:
        for address in reduced.reads:
            _check_vector_block(leaf, address)
            _check_blocks(path, leaf, address)
        if leaf.form.across:
            _check_across(tree, leaf, placed)
    for border in placed.borders:
        if any(level.loop == border.tap != level.name for level in path.levels):
            raise ScheduleError(f"schedule: {border.tap} reads past a border, it cannot be blocked")
    _check_fused(tree, leaf, placed)
    for address, level in operands_ahead(path, leaf, placed):
        next_piece(path, leaf, address, level, (0,))  # or it says why there is none
    for edge in placed.edges:
        if sum(leaf.vector in index.loops for index, _ in edge.questions) > 1:
            raise ScheduleError(
                f"schedule: {edge.access} leaves its tensor along {leaf.vector} in two dimensions"
            )
    _check_element_wise(path, leaf, placed)
    if leaf.form.library:
        check_product(path, leaf, placed)
    else:
        _check_printed(nest, leaf, placed)


def _check_element_wise(path: Path, leaf: Microkernel, placed: Operands) -> None:
    """What is read and written behind the reduction, or instead of one."""
    kept = path.cut or (placed.reduced is not None and placed.reduced.accumulate)
    written = (*placed.stores, placed.output) if kept else placed.stores
    for address in dict.fromkeys((*written, *placed.reads)):
        if leaf.lanes > 1 and address in written and address.uses(leaf.vector):
            _check_contiguous(leaf, address)
        _check_vector_block(leaf, address)
        _check_blocks(path, leaf, address)
    for address in placed.stores:
        if leaf.nontemporal and not _aligned(leaf, address):
            raise ScheduleError(
                f"schedule: nontemporal: vectors of {address.access.tensor} are not all aligned"
            )


def _check_printed(nest: Primitive, leaf: Microkernel, placed: Operands) -> None:
    """The C text is one that a compiler takes in seconds."""
    classes = tiles_of(leaf, placed)
    printed = leaf.unroll * leaf.grain(leaf.vector).runs[0][1] if leaf.form.across else leaf.unroll
    printed *= prod(sum(c.printed for c in of_loop) for of_loop in classes)
    operations = sum(1 + operations_of(one.value) for one in placed.assignments)
    printed += operations * prod(sum(c.size for c in of_loop) for of_loop in classes)
    if printed > MOST_PRINTED:
        raise ScheduleError(
            f"{nest.name}: schedule: its C text would have {printed} operations, "
            f"{MOST_PRINTED} are allowed; make the register tile or unroll smaller"
        )


def _check_across(tree: Tree, leaf: Microkernel, placed: Operands) -> None:
    """The vector loop is one level of the microkernel, in blocks of a vector."""
    where, loop = f"{tree.nest.name}: schedule", leaf.vector
    if [level.name for level in leaf.levels if level.loop == loop] != [loop]:
        raise ScheduleError(
            f"{where}: vector loop '{loop}' must be one level inside the microkernel, as the order "
            "ends"
        )
    for address in placed.reduced.reads if isinstance(placed.reduced, Summand) else ():
        block = address.block_of(loop)
        if block not in (1, leaf.lanes) and block < leaf.grain(loop).extent:
            raise ScheduleError(
                f"schedule: {address.access.tensor}: blocks of {block} along {loop} are no vectors "
                f"of {leaf.lanes}"
            )


def _check_factors(tree: Tree, path: Path, leaf: Microkernel, factors: Factors) -> None:
    name = factors.vector.access.tensor
    copied = any(copy.tensor == name for copy in factors.copies)
    for copy in factors.copies:
        copy.addresses()  # or it says why there are none
    if not copied and borders(tree.nest, factors.roles.statement, factors.vector.access):
        raise ScheduleError(f"schedule: {name} must be packed: it is padded")
    for operand, address in (("right", factors.vector), ("left", factors.broadcast)):
        if leaf.form.vectors(operand):
            if leaf.lanes > 1:
                _check_contiguous(leaf, address)
            _check_vector_block(leaf, address)
        if not leaf.form.differs(operand):
            _check_serves(leaf, address)
        _check_blocks(path, leaf, address)


def _check_fused(tree: Tree, leaf: Microkernel, placed: Operands) -> None:
    """What is read lies inside its tensor; what the tile holds is read where it was computed."""
    held = {} if placed.reduced is None else {placed.output.access.tensor: placed.output.access}
    assigned = leaf.statements[1 if placed.reduced else 0 :]
    for number, one in zip(assigned, placed.assignments, strict=True):
        where = f"{tree.nest.name}: schedule: S{number}"
        for access in one.reads:
            if access.tensor in held and access != held[access.tensor]:
                raise ScheduleError(
                    f"{where}: reads {access}, the tile holds {held[access.tensor]}"
                )
            if access.tensor == one.target.tensor and begins(tree.nest, number):
                raise ScheduleError(
                    f"{where}: only scheme scalar fits: {access} is read before it is written"
                )
        held_there = held.get(one.target.tensor, one.target)
        own = number == leaf.statement  # which is set before, as others are not
        statement = tree.nest.statements[number]
        whole = covers(tree.nest, statement.target) or (own and scatters(tree.nest, statement))
        if not whole or held_there != one.target:
            raise ScheduleError(f"{where}: {one.target} is not what the tile holds")
        held[one.target.tensor] = one.target


def _check_contiguous(leaf: Microkernel, address: Address) -> None:
    if not address.contiguous(leaf.vector):
        raise ScheduleError(
            f"schedule: {address.access.tensor} is not contiguous along {leaf.vector}"
        )


def _check_serves(leaf: Microkernel, address: Address) -> None:
    """One value of the operand serves all points of a register tile."""
    for grain in leaf.grains:
        if grain.points > 1 and grain.loop != leaf.vector and address.uses(grain.loop):
            raise ScheduleError(
                f"schedule: tile {grain.loop}.{grain.points}: {address.access.tensor} differs "
                f"along {grain.loop}, a vector of it cannot serve several points"
            )


def _check_vector_block(leaf: Microkernel, address: Address) -> None:
    """A block along the vector loop holds whole register tiles, or is one vector."""
    grain = leaf.grain(leaf.vector)
    block = address.block_of(leaf.vector)
    uniform = _uniform(grain, block)
    if block not in (1, grain.lanes) and not uniform and block < grain.extent:
        raise ScheduleError(
            f"schedule: {address.access.tensor}: blocks of {block} do not hold tiles of "
            f"{grain.points}"
        )


def _uniform(grain: Grain, block: int) -> bool:
    """Whether blocks hold whole register tiles."""
    starts = grain.region is None or grain.region.aligned % grain.points == 0
    return len(grain.runs) == 1 and block % grain.points == 0 and starts


def _check_blocks(path: Path, leaf: Microkernel, address: Address) -> None:
    """A loop inside the microkernel stays in one block of a layout, or goes by whole ones."""
    for grain in leaf.grains:
        block = address.block_of(grain.loop)
        if grain.loop == leaf.vector or block == 1 or block >= grain.extent:
            continue
        if grain.summed:
            fits, around = True, grain.extent
            for level in (level for level in path.levels if level.loop == grain.loop):
                whole = level.step % block == 0 or block % around == 0
                fits, around = fits and (level not in leaf.levels or whole), level.step
        else:
            fits = grain.points == 1 or _uniform(grain, block)
        if not fits:
            raise ScheduleError(
                f"schedule: {address.access.tensor}: blocks of {block} along {grain.loop} are "
                "neither whole steps nor whole pieces of its levels"
            )


def _aligned(leaf: Microkernel, output: Address) -> bool:
    """Whether every vector starts at a multiple of its length, as the buffer does."""
    loop, lanes = leaf.vector, leaf.lanes
    steps = [output.coefficient(grain.loop, 1) for grain in leaf.grains if grain.loop != loop]
    steps += [output.coefficient(loop, lanes)] if leaf.grain(loop).extent > lanes else []
    return all(step % lanes == 0 for step in (*steps, output.constant))
