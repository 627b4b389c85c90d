"""The operands of a microkernel in their layouts: addresses, packed copies, borders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, TileClass, borders, tile_classes
from compiler.lower.crops import Crop, cropped, crops_of
from compiler.lower.edges import Edge, edge
from compiler.lower.fusion import in_loops
from compiler.lower.tree import Level, Microkernel, Tree
from compiler.microkernel.contraction import Contraction, contraction, covers
from compiler.model.loop_nest import nest_guards
from compiler.problem.primitive import (
    Access,
    Affine,
    Call,
    Expression,
    Primitive,
    Read,
    Reduction,
    Statement,
)
from compiler.schedule.layout import Layout, layout_from_tag


@dataclass(frozen=True)
class Packed:
    """The workspace copy of a tensor: element i of a dimension is element `i - shift` of it."""

    source: Layout
    target: Layout
    shift: tuple[int, ...]
    outside: float
    tensor: str

    def addresses(self) -> tuple[Address, Address]:
        """Where element (i0, i1, ...) of the copy is read and written.

        ScheduleError where a layout of the two cannot be blocked as it is.
        """
        for d, _ in self.source.blocks:
            if self.shift[d]:
                raise ScheduleError(
                    f"schedule: pack:{self.tensor}: it is padded along dimension {d}, which its "
                    f"layout '{self.source.tag()}' blocks"
                )
        plain = tuple(Affine(((f"i{d}", 1),)) for d in range(len(self.shift)))
        access = Access(self.tensor, plain)
        back = tuple(-s for s in self.shift)
        return Address(access, self.source, back), Address(access, self.target)


@dataclass(frozen=True)
class Factors:
    """The two factors of a sum, placed in their layouts."""

    roles: Contraction
    vector: Address
    broadcast: Address
    copies: tuple[Packed, ...]
    borders: tuple[Border, ...]  # of the broadcast operand
    whole_loads: bool  # the vector operand may be read past the loop's end
    accumulate: bool  # the output's values on entry count


@dataclass(frozen=True)
class Summand:
    """What a reduction takes at each point: any expression of vectors and of scalars."""

    value: Expression
    reduction: Reduction
    reads: tuple[Address, ...]
    borders: tuple[Border, ...]
    accumulate: bool  # the output's values on entry count
    copies: tuple[Packed, ...] = ()


@dataclass(frozen=True)
class Operands:
    """All that a microkernel reads and writes: those of its reduction, then element by element.

    `output` is where the sums of a cut reduction wait for the next piece. `assignments` compute on
    registers, from elements in `reads` and from each other; `stores` are written at last.
    """

    reduced: Factors | Summand | None  # None: nothing is
    output: Address
    assignments: tuple[Statement, ...]  # in the microkernel's loops
    reads: tuple[Address, ...]
    stores: tuple[Address, ...]
    last: tuple[Level, ...]  # assignments wait for the last piece of each
    edges: tuple[Edge, ...] = ()  # reads that are asked about at each point
    crops: tuple[Crop, ...] = ()  # where the leaf's own statement writes outside

    @property
    def borders(self) -> tuple[Border, ...]:
        return self.reduced.borders if self.reduced else ()

    @property
    def copies(self) -> tuple[Packed, ...]:
        return self.reduced.copies if self.reduced else ()

    def edge(self, access: Access) -> Edge | None:
        """That of a read, if it has one."""
        return next((edge for edge in self.edges if edge.access == access), None)

    def whole(self, leaf: Microkernel) -> bool:
        """Whether the last vector of the vector loop may be read and written like the others."""
        every = (*self.reads, *self.stores, self.output)
        if isinstance(self.reduced, Summand):
            every += self.reduced.reads
        loads = not isinstance(self.reduced, Factors) or self.reduced.whole_loads
        return loads and all(whole(leaf, one) for one in every if one.uses(leaf.vector))


def operands(tree: Tree, leaf: Microkernel) -> Operands:
    """The operands of a leaf; ScheduleError where one cannot lie as the schedule says."""
    statement = tree.statement(leaf)
    reduced: Factors | Summand | None = None
    asked: list[Access] = []
    if leaf.form.sums:
        reduced = _factors(tree, leaf)
    elif statement.reduction_loops:
        padded, asked = _padded(tree.nest, leaf)
        reduced = _summand(tree, leaf, padded)
    assigned: tuple[Statement, ...] = ()
    if reduced is None:
        assigned = (_assignment(tree.nest, leaf.statement, statement),)
    for fused in leaf.fused:
        renamed = in_loops(tree.nest.statements[fused.statement], dict(fused.loops))
        assigned += (_assignment(tree.nest, fused.statement, renamed),)
    held = {statement.target.tensor: statement.target} if reduced else {}
    reads: dict[Access, Address] = {}
    for one in assigned:
        for access in one.reads:
            if access.tensor not in held:
                reads[access] = Address(access, tree.layout_of(access.tensor))
        held[one.target.tensor] = one.target
    kept = live(tree, leaf)
    edges = (edge(tree.nest, access) for access in dict.fromkeys((*asked, *reads)))
    return Operands(
        reduced,
        Address(statement.target, tree.layout_of(statement.target.tensor)),
        assigned,
        tuple(reads.values()),
        tuple(Address(a, tree.layout_of(name)) for name, a in held.items() if name in kept),
        leaf.fused[0].last if leaf.fused else (),
        tuple(one for one in edges if one is not None),
        crops_of(tree.nest, leaf),
    )


def streamed(leaf: Microkernel, reduced: Factors | Summand) -> tuple[Address, ...]:
    """What a prefetch asks for: operands in vectors, of those no other point has use of."""
    if isinstance(reduced, Factors):
        return (reduced.vector,)
    vectors = [address for address in reduced.reads if address.uses(leaf.vector)]
    loops = [g.loop for g in leaf.grains if g.points > 1 and not g.summed]
    own = [one for one in vectors if all(one.uses(loop) for loop in loops)]
    return tuple(own or vectors)


def live(tree: Tree, leaf: Microkernel) -> frozenset[str]:
    """What a leaf writes that is wanted afterwards: outputs, and what other leaves read."""
    outputs = {t.name for t in tree.nest.tensors if t.role == "output"}
    others = [
        tree.nest.statements[number]
        for path in tree.paths()
        if path.leaf != leaf
        for number in path.leaf.statements
    ]
    read = {name for s in others for name in _read_names(s)}
    written = {tree.nest.statements[number].target.tensor for number in leaf.statements}
    return frozenset(written & (outputs | read))


def _read_names(statement: Statement) -> Iterator[str]:
    yield from (access.tensor for access in statement.reads)
    if statement.reduction is not None:
        yield statement.target.tensor


def _assignment(nest: Primitive, number: int, statement: Statement) -> Statement:
    """The statement without its reduction: `c += bias` is `c = c + bias`, or bias if c starts."""
    if statement.reduction is None:
        return statement
    value = statement.value
    if not begins(nest, number):
        value = Call(statement.reduction, (Read(statement.target), value))
    return replace(statement, reduction=None, value=value)


def _factors(tree: Tree, leaf: Microkernel) -> Factors:
    nest, loop, lanes = tree.nest, leaf.vector, leaf.lanes
    roles = contraction(nest, leaf.statement, loop)
    copies = _copies(tree, roles, {loop: -nest.extent(loop) % lanes})

    def placed(access: Access) -> Address:
        copy = copies.get(access.tensor)
        if copy is not None:
            return Address(access, copy.target, copy.shift)
        return Address(access, tree.layout_of(access.tensor))

    vector, broadcast = placed(roles.vector_operand), placed(roles.broadcast_operand)
    padded: tuple[Border, ...] = ()
    if broadcast.access.tensor not in copies:
        padded = borders(nest, roles.statement, broadcast.access)
    return Factors(
        roles,
        vector,
        broadcast,
        tuple(copies.values()),
        padded,
        whole(leaf, vector) or vector.access.tensor in copies,
        not begins(nest, leaf.statement),
    )


def _padded(nest: Primitive, leaf: Microkernel) -> tuple[tuple[Border, ...], list[Access]]:
    """Borders whose points and taps are left out, and the other reads that leave their tensors.

    Taps can be left out where the value outside changes nothing and each loop has one border, the
    vector loop none.
    """
    statement = nest.statements[leaf.statement]
    guards = [guard for guard in nest_guards(nest) if guard.statement == leaf.statement]
    count = {guard.access for guard in guards if not guard.skips}
    found: dict[Border, None] = {}
    asked = []
    for access in dict.fromkeys(statement.reads):
        taken = {loop for border in found for loop in (border.point, border.tap)} | {leaf.vector}
        own: tuple[Border, ...] | None = None
        if access not in count:
            with suppress(ScheduleError):  # of another form
                own = tuple(b for b in borders(nest, statement, access) if b not in found)
        if own is None or any(taken & {border.point, border.tap} for border in own):
            asked.append(access)
        else:
            found.update(dict.fromkeys(own))
    return tuple(found), asked


def _summand(tree: Tree, leaf: Microkernel, padded: tuple[Border, ...]) -> Summand:
    statement = tree.statement(leaf)
    assert statement.reduction is not None
    return Summand(
        statement.value,
        statement.reduction,
        tuple(Address(a, tree.layout_of(a.tensor)) for a in dict.fromkeys(statement.reads)),
        padded,
        not begins(tree.nest, leaf.statement),
    )


def begins(nest: Primitive, number: int) -> bool:
    """Whether a statement's sums are whole when it writes them: nothing is there to go on from."""
    return starts(nest, number) and covers(nest, nest.statements[number].target)


def starts(nest: Primitive, number: int) -> bool:
    """Whether a statement is the first to write its target, and nothing lies there before."""
    name = nest.statements[number].target.tensor
    earlier = nest.statements[:number]
    return all(s.target.tensor != name for s in earlier) and not nest.tensor(name).accumulate


def whole(leaf: Microkernel, address: Address) -> bool:
    """Whether the last vector of an operand lies inside its layout, padding lanes included.

    Beside a diagonal `x[i,i]` there is no padding: behind the last row lies nothing. Nor is there
    where a tensor goes on behind the loop: what lies there are elements of it.
    """
    loop, lanes, extent = leaf.vector, leaf.lanes, leaf.grain(leaf.vector).extent
    shape = zip(address.access.indices, address.layout.shape, strict=True)
    along = [size for index, size in shape if loop in index.loops]
    padded = address.block_of(loop) % lanes == 0 and len(along) == 1 and along[0] <= extent
    return extent % lanes == 0 or padded


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
    target = layout_from_tag(tag, tuple(shape), tensor.dtype)
    return Packed(source, target, tuple(shift), tensor.outside or 0.0, tensor.name)


def tiles_of(leaf: Microkernel, placed: Operands) -> list[tuple[TileClass, ...]]:
    """Border classes of each loop of the output, those that crops leave some points and others."""
    partial = not placed.whole(leaf)
    by_point = {border.point: border for border in placed.borders}
    for border in (crop.border for crop in placed.crops if crop.border is not None):
        if border.point in by_point:
            raise ScheduleError(
                f"schedule: tile {border.point}: its points read past a border and are cropped"
            )
        by_point[border.point] = border
    return [
        tile_classes(grain, by_point.get(grain.loop), partial and grain.loop == leaf.vector)
        for grain in leaf.grains
        if not grain.summed
    ]


def classes_of(leaf: Microkernel, placed: Operands) -> Iterator[tuple[TileClass, ...]]:
    """What tiles there are, a class for each loop of the output: these multiply, crops apart."""
    for classes in product(*tiles_of(leaf, placed)):
        yield from cropped(classes, placed.crops)
