"""The loop nest of a primitive in normal form: no loop of extent 1, dimensions split, neighbours
coalesced.

    1x1 convolution, n = 1:  out[n,oc,oh,ow] += data[n,ic,oh,ow] * weight[oc,ic,kh,kw]
    its nest:                out[0,oc,oh_ow] += data[0,ic,oh_ow] * weight[oc,ic,0,0]

Tensors keep their names and the order of their elements, so a buffer of the primitive is one of
the nest: only shapes change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from compiler.model.accesses import accesses, mapped
from compiler.model.inlined import inlined
from compiler.model.split_dimensions import split_dimensions
from compiler.problem.evaluation import factors_of
from compiler.problem.primitive import NEUTRAL, Access, Affine, Primitive, Read, Statement, Tensor

LoopPair = tuple[str, str]


@dataclass(frozen=True)
class Guard:
    """A dimension of an access that leaves its tensor somewhere: outside `0 <= index < size`."""

    statement: int
    access: Access
    dimension: int
    index: Affine
    size: int
    write: bool  # a write outside is dropped; a read outside gives the tensor's `outside` value
    skips: bool  # iterations outside change nothing: a dropped write, or a read that is neutral


@dataclass(frozen=True)
class LoopNest:
    """A primitive and its normal form. `origin` gives, for a loop of `nest`, those it replaces."""

    primitive: Primitive
    nest: Primitive
    origin: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def name(self) -> str:
        return self.primitive.name

    @cached_property
    def extents(self) -> dict[str, int]:
        """Extent of every loop of the nest, in order of first appearance."""
        return dict(self.nest.extents)

    @property
    def loops(self) -> tuple[str, ...]:
        return tuple(self.extents)

    @cached_property
    def reduction_loops(self) -> tuple[str, ...]:
        """Loops over which some statement reduces."""
        found = {loop for s in self.nest.statements for loop in s.reduction_loops}
        return tuple(loop for loop in self.loops if loop in found)

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Every dimension of an access that can leave its tensor, target first."""
        return nest_guards(self.nest)


def loop_nest(primitive: Primitive) -> LoopNest:
    """Normalise: loops of extent 1 become 0, sums take up what they alone read, and dimensions are
    split, neighbours coalesced.
    """
    nest = split_dimensions(inlined(_without_single_iterations(primitive)))
    origin: dict[str, tuple[str, ...]] = {loop: (loop,) for loop, _ in nest.extents}
    pairs = _coalescible(nest)
    while pairs:
        names = {pair: _coalesced_name(pair, nest) for pair in pairs}
        nest = _coalesced(nest, names)
        for (first, second), name in names.items():
            origin[name] = origin.pop(first) + origin.pop(second)
        pairs = _coalescible(nest)
    ordered = tuple((loop, origin[loop]) for loop, _ in nest.extents)
    return LoopNest(primitive, nest, ordered)


def _without_single_iterations(primitive: Primitive) -> Primitive:
    single = {loop for loop, extent in primitive.extents if extent == 1}
    if len(single) == len(primitive.extents):
        single -= _kept_loop(primitive)

    def bare(index: Affine) -> Affine:
        return Affine(tuple(t for t in index.terms if t[0] not in single), index.constant)

    def without(access: Access) -> Access:
        return Access(access.tensor, tuple(bare(i) for i in access.indices))

    statements = tuple(
        replace(mapped(s, without), loops=tuple(loop for loop in s.loops if loop not in single))
        for s in primitive.statements
    )
    extents = tuple((loop, n) for loop, n in primitive.extents if loop not in single)
    if not extents:  # no index names a loop: iterate once
        once = _unused("once", primitive)
        statements = tuple(replace(s, loops=(once,)) for s in statements)
        extents = ((once, 1),)
    return replace(primitive, statements=statements, extents=extents)


def _kept_loop(primitive: Primitive) -> set[str]:
    """The loop that stays when all have extent 1: a target's if possible."""
    for statement in primitive.statements:
        for index in statement.target.indices:
            if index.loops:
                return {index.loops[0]}
    return {loop for loop, _ in primitive.extents[:1]}


def _coalesced_name(pair: LoopPair, nest: Primitive) -> str:
    return _unused("_".join(pair), nest)


def _unused(name: str, nest: Primitive) -> str:
    """`name`, with underscores appended until no loop, size or tensor has it."""
    taken = {loop for loop, _ in nest.extents} | {size for size, _ in nest.sizes}
    taken |= {tensor.name for tensor in nest.tensors}
    while name in taken:
        name += "_"
    return name


def _coalescible(nest: Primitive) -> frozenset[LoopPair]:
    """Pairs of loops that are coalesced at once, from the first pair that can be; else empty."""
    tried: set[LoopPair] = set()
    for access in accesses(nest):
        for d in range(len(access.indices) - 1):
            pair = _pair_at(nest, access, d)
            if pair is None or pair in tried:
                continue
            tried.add(pair)
            closed = _closure(nest, pair)
            if closed:
                return closed
    return frozenset()


def _pair_at(nest: Primitive, access: Access, d: int) -> LoopPair | None:
    """Loops (l1, l2) when dimensions d, d+1 are indexed by exactly these and have their extents."""
    tensor = nest.tensor(access.tensor)
    found: list[str] = []
    for dimension in (d, d + 1):
        index = access.indices[dimension]
        if index.constant or len(index.terms) != 1 or index.terms[0][1] != 1:
            return None
        loop = index.terms[0][0]
        if nest.extent(loop) != tensor.shape[dimension]:
            return None
        found.append(loop)
    adjacent = tensor.stored.index(d) + 1 == tensor.stored.index(d + 1)
    return (found[0], found[1]) if adjacent and found[0] != found[1] else None


def _closure(nest: Primitive, pair: LoopPair) -> frozenset[LoopPair]:
    """`pair` and all pairs that shared tensors tie to it; empty if impossible."""
    pairs: set[LoopPair] = set()
    grown = {pair}
    while grown != pairs:
        pairs = set(grown)
        merged: set[tuple[str, int]] = set()
        for access in accesses(nest):
            places = _places(nest, access, pairs)
            if places is None:
                return frozenset()
            merged |= {(access.tensor, d) for d in places}
        for access in accesses(nest):
            for d in (d for tensor, d in merged if tensor == access.tensor):
                found = _pair_at(nest, access, d)
                if found is None:
                    return frozenset()
                grown.add(found)
    loops = [loop for p in pairs for loop in p]
    together = all(
        (one in s.loops) == (two in s.loops) for s in nest.statements for one, two in pairs
    )
    return frozenset(pairs) if together and len(set(loops)) == len(loops) else frozenset()


def _places(nest: Primitive, access: Access, pairs: set[LoopPair]) -> tuple[int, ...] | None:
    """First dimensions of the pairs in an access; None if a loop of a pair stands otherwise."""
    loops = {loop for pair in pairs for loop in pair}
    used = [d for d, index in enumerate(access.indices) if loops & set(index.loops)]
    firsts = used[::2]
    if used[1::2] != [d + 1 for d in firsts]:
        return None
    return tuple(firsts) if all(_pair_at(nest, access, d) in pairs for d in firsts) else None


def _coalesced(nest: Primitive, names: dict[LoopPair, str]) -> Primitive:
    """The nest with each pair of loops replaced by one, tensor dimensions merged likewise."""
    firsts = {pair[0]: name for pair, name in names.items()}
    seconds = {pair[1] for pair in names}
    merged: dict[str, set[int]] = {}
    for access in accesses(nest):
        for d, index in enumerate(access.indices):
            if index.loops and index.loops[0] in firsts:
                merged.setdefault(access.tensor, set()).add(d)

    def coalesced_access(access: Access) -> Access:
        dropped = {d + 1 for d in merged.get(access.tensor, ())}
        indices = tuple(
            Affine(((firsts[i.loops[0]], 1),)) if i.loops and i.loops[0] in firsts else i
            for d, i in enumerate(access.indices)
            if d not in dropped
        )
        return Access(access.tensor, indices)

    def coalesced_loops(loops: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(firsts.get(loop, loop) for loop in loops if loop not in seconds)

    sizes = dict(nest.extents)
    products = {names[pair]: sizes[pair[0]] * sizes[pair[1]] for pair in names}
    order = coalesced_loops(tuple(sizes))
    return replace(
        nest,
        extents=tuple((loop, products.get(loop, sizes.get(loop, 0))) for loop in order),
        tensors=tuple(_merged_tensor(t, merged.get(t.name, set())) for t in nest.tensors),
        statements=tuple(
            replace(mapped(s, coalesced_access), loops=coalesced_loops(s.loops))
            for s in nest.statements
        ),
    )


def _merged_tensor(tensor: Tensor, firsts: set[int]) -> Tensor:
    """The tensor with dimensions d and d+1 merged for each d in `firsts`."""
    shape: list[int] = []
    new: dict[int, int] = {}
    for d, extent in enumerate(tensor.shape):
        if d - 1 in firsts:
            shape[-1] *= extent
        else:
            new[d] = len(shape)
            shape.append(extent)
    return replace(
        tensor, shape=tuple(shape), stored=tuple(new[d] for d in tensor.stored if d in new)
    )


def nest_guards(nest: Primitive) -> tuple[Guard, ...]:
    """Every dimension of an access that can leave its tensor, by statement, target first."""
    return tuple(_guards(nest))


def _guards(nest: Primitive) -> Iterator[Guard]:
    extents = dict(nest.extents)
    for number, statement in enumerate(nest.statements):
        seen: set[tuple[Access, bool]] = set()
        for access, write in [(statement.target, True), *((a, False) for a in statement.reads)]:
            if (access, write) in seen:
                continue
            seen.add((access, write))
            shape = nest.tensor(access.tensor).shape
            for d, (index, size) in enumerate(zip(access.indices, shape, strict=True)):
                low, high = index.bounds(extents)
                if low < 0 or high >= size:
                    skips = write or _neutral(statement, access, nest)
                    yield Guard(number, access, d, index, size, write, skips)


def _neutral(statement: Statement, access: Access, nest: Primitive) -> bool:
    """Whether a read outside makes the statement add 0, or take a maximum with -inf."""
    outside = nest.tensor(access.tensor).outside
    if statement.reduction == "add":
        return outside == 0 and factors_of(statement.value) is not None
    if statement.reduction is None:
        return False
    return statement.value == Read(access) and outside == NEUTRAL[statement.reduction]
