"""The statements around an anchor: on its register tile where they may be, else by themselves.

    S0: out += data * weight          broadcast/.../fusion:S1.tile+S2.tile
    S1: out = out * scale + shift
    S2: out = max(out, 0)

Where a statement is not fused it is computed on whole vectors in a band of its own, and one by one
where it has no such form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.fit import fitted
from compiler.lower.fusion import followers, fused_loops, in_loops
from compiler.lower.legality import structural
from compiler.lower.lowered import anchored, lowered
from compiler.lower.steps import SHARED
from compiler.lower.tiling import balanced
from compiler.lower.tree import Microkernel, Tree
from compiler.microkernel.contraction import anchor, vectorisable
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive, Statement
from compiler.schedule.layout import free, layout_of
from compiler.schedule.schedule import Attached, Band, Schedule, Sizes, Tags
from compiler.space.dot_schedules import dot_bands
from compiler.space.lanes import lanes_innermost, may_lie, memory_order
from compiler.space.parallel import operations, with_parallel
from compiler.space.scalar import scalar_schedule
from compiler.space.shared import SharedLoops

POINTS = 4  # vectors of an element-wise band at once: independent work that hides latency


class Chain:
    """All statements of a nest but the anchor, for many schedules of that one."""

    def __init__(
        self,
        nest: Primitive,
        number: int | None,
        machine: Architecture,
        threads: int = 1,
        fuse: bool = True,
    ) -> None:
        """`number` is of the anchor, None when there is none."""
        self.nest, self.number = nest, number
        self._machine, self._threads, self._fuse = machine, threads, fuse
        self._arranged: dict[object, tuple[Schedule, tuple[int, ...]] | None] = {}
        self.refused: dict[int, str] = {}  # why a statement is not fused

    @cached_property
    def alone(self) -> Primitive:
        """The anchor as a nest of its own."""
        assert self.number is not None
        return single(self.nest, self.number)

    def around(self, schedule: Schedule) -> Schedule | None:
        """A schedule of the anchor alone as one of all statements.

        None where another statement cannot use a tensor in its layout.
        """
        if len(self.nest.statements) == 1:
            return schedule
        key = (
            *(schedule.layout, schedule.pack, schedule.band.vector, schedule.band.nontemporal),
            bool(schedule.band.private),
        )
        if key not in self._arranged:
            self._arranged[key] = self._arrange(schedule)
        arranged = self._arranged[key]
        if arranged is None:
            return None
        pattern, fused = arranged
        attached = tuple(Attached(number) for number in fused)
        band = replace(schedule.band, of=self.number, fusion=attached)
        bands = tuple(band if one.of == self.number else one for one in pattern.bands)
        return replace(pattern, bands=without_of(bands))

    def without(self) -> tuple[Schedule, ...]:
        """The schedules where the anchor has no vector form: bands apart, or sharing loops."""
        lanes = self._machine.lanes(self.nest.dtype)
        bands = [self._band(number, lanes, ()) for number in range(len(self.nest.statements))]
        found = Schedule(tuple(bands))
        apart = Schedule(without_of(tuple(bands)))
        if (
            all(band.scheme == "scalar" for band in bands)
            or structural(lowered(self.nest, apart)) is not None
        ):
            apart = scalar_schedule(self.nest, self._threads)
        return (apart, *self.shared(found))

    def shared(self, schedule: Schedule) -> tuple[Schedule, ...]:
        """The bands of a schedule of all statements in loops that they share."""
        if not self._fuse or len(schedule.bands) == 1:
            return ()
        found = self._shared.of(schedule)
        return tuple(replace(one, bands=without_of(one.bands)) for one in found)

    @cached_property
    def _shared(self) -> SharedLoops:
        scalar = [self._scalar(number) for number in range(len(self.nest.statements))]
        return SharedLoops(self.nest, scalar, self._machine, self._threads)

    def _arrange(self, schedule: Schedule) -> tuple[Schedule, tuple[int, ...]] | None:
        """The bands of all statements for the layouts of one, and what is fused into it."""
        assert self.number is not None
        found: tuple[Schedule, tuple[int, ...]] | None = None
        with suppress(ScheduleError):  # with more fused it may fit all the same
            found = self._fitting(schedule, ())[0], ()
        fused: tuple[int, ...] = ()
        for number in range(self.number + 1, len(self.nest.statements)) if self._fuse else ():
            try:
                whole, tree = self._fitting(schedule, (*fused, number))
            except ScheduleError as error:
                self.refused[number] = str(error)
                continue
            if refusal := structural(tree):
                self.refused[number] = str(refusal)
                continue
            fused = (*fused, number)
            found = whole, fused
        return found

    def _fitting(self, schedule: Schedule, fused: tuple[int, ...]) -> tuple[Schedule, Tree]:
        """The bands of all statements with some fused; ScheduleError when they do not fit."""
        whole = self._bands(schedule, fused, self._layouts(schedule, fused))
        return whole, fitted(self.nest, whole)

    def _bands(self, schedule: Schedule, fused: tuple[int, ...], layout: Tags) -> Schedule:
        lanes = schedule.band.vector[1]
        bands = []
        for number in range(len(self.nest.statements)):
            if number == self.number:
                attached = tuple(Attached(n) for n in fused)
                bands.append(replace(schedule.band, of=number, fusion=attached))
            elif number not in fused:
                bands.append(self._band(number, lanes, layout))
        return replace(schedule, bands=tuple(bands), layout=layout)

    def _layouts(self, schedule: Schedule, fused: tuple[int, ...]) -> Tags:
        """Layouts of what the fused statements touch: lanes contiguous, as in the output.

        Statements that are not fused read and write along the same lanes where their loops say so.
        """
        assert self.number is not None
        tags = dict(schedule.layout)
        taken = set(self.alone.statements[0].tensors)
        output = self.nest.statements[self.number].target
        vector, lanes = schedule.band.vector
        others = self._like_output(fused)
        for statement in others:
            for access in statement.accesses:
                if access.tensor in taken or not free(self.nest.tensor(access.tensor)):
                    continue
                taken.add(access.tensor)
                alike = access.indices == output.indices and output.tensor in tags
                if alike and may_lie(self.nest, access.tensor, tags[output.tensor]):
                    tags[access.tensor] = tags[output.tensor]
                elif tag := lanes_innermost(self.nest, access, vector, lanes):
                    tags[access.tensor] = tag
        return tuple(sorted(tags.items()))

    def _like_output(self, fused: tuple[int, ...]) -> list[Statement]:
        """Statements element by element along the output, in the anchor's loops."""
        assert self.number is not None
        numbers = tuple(followers(self.nest, self.number))
        pairs = fused_loops(self.nest, self.number, numbers)
        statements = [
            in_loops(self.nest.statements[n], dict(own))
            for n, own in zip(numbers, pairs, strict=True)
        ]
        first = [s for n, s in zip(numbers, statements, strict=True) if n in fused]
        return first + [s for n, s in zip(numbers, statements, strict=True) if n not in fused]

    def _scalar(self, number: int) -> Band:
        own = single(self.nest, number)
        return replace(scalar_schedule(own, self._threads).band, of=number)

    def _band(self, number: int, lanes: int, layout: Tags) -> Band:
        """Whole vectors along the target's memory, or across a reduction, or an element at a time.

        The first of these that fits the layouts; what puts vectors together from elements that lie
        apart comes behind what does not.
        """
        nest = continued(single(self.nest, number), self.nest.statements[:number])
        own = _of(nest, layout)
        found: dict[bool, Band] = {}
        if vectorisable(nest, nest.statements[0]):
            for band in (*_along(nest, lanes, own), *dot_bands(nest, lanes, own, self._machine)):
                with suppress(ScheduleError):
                    tree = fitted(nest, Schedule((band,), own))
                    found.setdefault(_reads_apart(tree), band)
        best = found.get(False, found.get(True))
        if best is None:
            return self._scalar(number)
        threads = self._threads if operations(nest) >= SHARED else 1
        return replace(with_parallel(nest, Schedule((best,)), threads).band, of=number)


def _reads_apart(tree: Tree) -> bool:
    """Whether a statement's vectors are put together from elements apart."""
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    vector = path.leaf.vector
    reads = (Address(one, tree.layout_of(one.tensor)) for one in tree.statement(path.leaf).reads)
    return any(one.uses(vector) and not one.contiguous(vector) for one in reads)


def _along(nest: Primitive, lanes: int, layout: Tags) -> Iterator[Band]:
    """Vectors of the target, in its order in memory, as many at once as hide latency.

    Then without points of a second loop, which may not fit the blocks of a layout.
    """
    statement = nest.statements[0]
    tensor = nest.tensor(statement.target.tensor)
    address = Address(statement.target, layout_of(tensor, dict(layout).get(tensor.name)))
    vector = next((x for x in statement.loops if address.contiguous(x)), None)
    if vector is None:
        return
    kept = [loop for loop in statement.loops if loop not in statement.reduction_loops]
    order = memory_order(address, kept, vector, lanes)
    vectors = -(-nest.extent(vector) // lanes)
    block = address.block_of(vector)
    most = block // lanes if block > lanes else POINTS  # those of a block lie side by side
    if block == lanes and order[-1] != vector:
        most = 1
    alone: Sizes = ((vector, balanced(vectors, most)[0][1]),)
    whole = (*order, *statement.reduction_loops)
    for inner in [loop for loop in order if loop != vector][-1:]:
        points = balanced(nest.extent(inner), max(1, POINTS // alone[0][1]))[0][1]
        yield Band("lanes", whole, (vector, lanes), (*alone, (inner, points)))
    yield Band("lanes", whole, (vector, lanes), alone)


def apart(
    nest: Primitive, schedule: Schedule, machine: Architecture, threads: int = 1
) -> Schedule | None:
    """The schedule with nothing fused: what was has bands of its own, if it can."""
    number = anchor(nest)
    assert number is not None, "nothing can be fused without an anchor"
    alone = _anchor_of(nest, schedule, number)
    return Chain(nest, number, machine, threads, fuse=False).around(alone)


def joined(
    nest: Primitive, schedule: Schedule, machine: Architecture, threads: int = 1
) -> tuple[Schedule | None, dict[int, str]]:
    """The schedule with everything fused that may be; what forbids it of the others, by number."""
    number = anchor(nest)
    assert number is not None, "nothing can be fused without an anchor"
    chain = Chain(nest, number, machine, threads)
    return chain.around(_anchor_of(nest, schedule, number)), chain.refused


def _anchor_of(nest: Primitive, schedule: Schedule, number: int) -> Schedule:
    """The anchor's band of a schedule of all statements."""
    band = next(band for band, numbers in anchored(nest, schedule) if number in numbers)
    return replace(schedule, bands=(replace(band, of=None, fusion=(), keep=()),))


def single(nest: Primitive, number: int) -> Primitive:
    """One statement as a nest of its own."""
    if len(nest.statements) == 1:
        return nest
    statement = nest.statements[number]
    extents = tuple((loop, n) for loop, n in nest.extents if loop in statement.loops)
    return replace(nest, statements=(statement,), extents=extents)


def continued(nest: Primitive, earlier: Sequence[Statement]) -> Primitive:
    """The nest where what earlier statements have written is there already."""
    written = {statement.target.tensor for statement in earlier}
    tensors = (replace(t, accumulate=True) if t.name in written else t for t in nest.tensors)
    return replace(nest, tensors=tuple(tensors))


def _of(nest: Primitive, layout: Tags) -> Tags:
    used = nest.statements[0].tensors
    return tuple((name, tag) for name, tag in layout if name in used)


def without_of(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """The bands with `of` left out where it is the first statement that is free."""
    fused = {number for band in bands for number in band.fused}
    taken: set[int] = set()
    found = []
    for band in bands:
        assert band.of is not None
        first = next(k for k in range(band.of + 1) if k not in taken and k not in fused)
        alone = len(bands) == 1 and not band.fusion  # then no `of` means every statement
        found.append(replace(band, of=None) if first == band.of and not alone else band)
        taken.add(band.of)
    return tuple(found)
