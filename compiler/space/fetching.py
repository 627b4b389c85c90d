"""Schedules that fetch ahead what L2 does not hold: the next piece of an operand, or of both."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.ahead import next_piece
from compiler.lower.lowered import lowered
from compiler.lower.operands import Factors, operands
from compiler.lower.tree import Level, Microkernel, Path, Tree
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.schedule import Schedule


def from_memory(nest: Primitive, machine: Architecture) -> bool:
    """Whether any of a nest's tensors may be gone from the last cache when they are read again."""
    every = sum(tensor.bytes for tensor in nest.tensors)
    return bool(machine.caches) and 2 * every > machine.caches[-1].bytes


def fetching(
    nest: Primitive, schedule: Schedule, number: int, machine: Architecture
) -> tuple[Schedule, ...]:
    """The schedule with an operand of a statement fetched ahead, the larger one first; with both.

    Of those that L2 does not hold, by the outermost level of which it holds two pieces: inside it
    a piece is read again and again, so that many tiles share what it takes to fetch the next one.
    None of a tile of a single point: prefetchers follow what it reads once, and nothing hides it.
    """
    level = machine.cache("L2")
    tree = lowered(nest, schedule)
    path = next(path for path in tree.paths() if path.leaf.statement == number)
    leaf = path.leaf
    if level is None or not isinstance(leaf, Microkernel) or leaf.form.library:
        return ()
    if all(g.points == 1 for g in leaf.grains if not g.summed and g.loop != leaf.vector):
        return ()
    reduced = operands(tree, leaf).reduced if leaf.form.sums else None
    if not isinstance(reduced, Factors):
        return ()
    tags: dict[str, str] = {}
    for address in sorted((reduced.vector, reduced.broadcast), key=lambda one: -one.layout.bytes):
        held = address.layout.bytes <= level.bytes or address.shift  # a packed copy is near
        if not held and tree.stage(address.access.tensor) is None:
            found = _level(tree, path, leaf, address, level.bytes // 2)
            tags |= {address.access.tensor: found.name} if found is not None else {}
    band = next(one for one in schedule.bands if one.vector[0] == leaf.vector and one.vectorised)
    place = schedule.bands.index(band)
    chosen = (some for count in (1, 2) for some in combinations(tags.items(), count))
    return tuple(
        replace(
            schedule,
            bands=(
                *schedule.bands[:place],
                replace(band, ahead=some),
                *schedule.bands[place + 1 :],
            ),
        )
        for some in chosen
    )


def _level(tree: Tree, path: Path, leaf: Microkernel, address: Address, most: int) -> Level | None:
    """The outermost level that moves an operand by pieces of at most so many bytes."""
    for place, level in enumerate(path.loops):
        if not address.uses(level.loop):
            continue
        points = dict(tree.nest.extents)
        for around in path.loops[: place + 1]:
            points[around.loop] = around.points(leaf.grain(around.loop))
        if _elements(address.access, points) * address.layout.dtype.bytes <= most:
            try:
                next_piece(path, leaf, address, level, (0,))
            except ScheduleError:
                return None
            return level
    return None


def _elements(access: Access, points: dict[str, int]) -> int:
    """Elements in the box that an access touches while loops run over so many points."""
    found = [index.bounds(points) for index in access.indices]
    return prod(high - low + 1 for low, high in found)
