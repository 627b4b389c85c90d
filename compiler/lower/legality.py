"""Whether a tree keeps its nest's dependences, twice: in closed form, and by isl on the full map.

Here stand a statement's dependences on itself; those between statements in `statement_pairs`. A
reduction's iterations may run in any order but not at once: two of them on one element must not lie
on different iterations of a parallel level, unless these have copies of it. Every other dependence
must also run forwards. An iteration whose reads are all padding still counts here, because it
writes: tiles and vectors run it, adding its neutral value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import islpy as isl

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.isl_tree import schedule_map
from compiler.lower.kept_dependences import kept_dependences
from compiler.lower.pieces import broken_pieces, structural_pieces
from compiler.lower.refusal import Refusal
from compiler.lower.statement_pairs import broken_pair, structural_pair
from compiler.lower.tree import Grain, Level, Path, Tree
from compiler.model.dependences import Dependence
from compiler.model.isl_names import coordinate, first_differ, first_times
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True)
class Recurrence:
    """Iterations x and x + distance depend; x and x + distance both lie in `ranges`, by loop."""

    kind: str  # RAW or WAR
    access: Access
    distance: tuple[tuple[str, int], ...]
    ranges: tuple[tuple[str, int, int], ...]  # first and last + 1


@dataclass(frozen=True)
class Profile:
    """What orders a statement's iterations; `closed` is false where only isl can say."""

    closed: bool
    reduction_loops: tuple[str, ...] = ()
    recurrences: tuple[Recurrence, ...] = ()


def structural(tree: Tree) -> Refusal | None:
    """The first broken dependence, in closed form: microseconds when nothing is at stake.

    Closed form covers targets with at most one loop per index: reductions, which only parallel
    levels can break, and recurrences of constant distance. Compound targets (`oh*stride + kh`) and
    reductions that read their own target are handed to isl.
    """
    for path in tree.paths():
        found = structural_alone(tree, path)
        if found is not None:
            return found
    return structural_pieces(tree) or structural_pair(tree)


def structural_alone(tree: Tree, path: Path) -> Refusal | None:
    """The first broken dependence of a statement on itself."""
    profile = _profiles(tree.nest)[path.leaf.statement]
    if profile.closed and not (profile.recurrences and path.regions):
        return _closed(tree.nest, path, profile)
    return _by_isl(tree, path)


def by_isl(tree: Tree) -> Refusal | None:
    """The first broken dependence, from the map of the loops as printed; milliseconds."""
    for path in tree.paths():
        found = _by_isl(tree, path)
        if found is not None:
            return found
    return broken_pieces(tree) or broken_pair(tree)


def legal(nest: Primitive, schedule: Schedule) -> bool:
    """Whether a schedule fits a nest and `structural` finds nothing that it breaks."""
    try:
        return structural(fitted(nest, schedule)) is None
    except ScheduleError:
        return False


@lru_cache(maxsize=256)
def _profiles(nest: Primitive) -> tuple[Profile, ...]:
    return tuple(_profile(nest, s) for s in nest.statements)


def _profile(nest: Primitive, statement: Statement) -> Profile:
    target = statement.target
    named = [loop for index in target.indices for loop in index.loops]
    own = [a for a in dict.fromkeys(statement.reads) if a.tensor == target.tensor]
    simple = all(len(i.terms) <= 1 for i in target.indices) and len(set(named)) == len(named)
    if not simple or (own and statement.reduction is not None):
        return Profile(closed=False)
    ranges = _writing_ranges(nest, statement)
    if any(last <= first for _, first, last in ranges):
        return Profile(closed=True)  # every write is dropped
    if statement.reduction is not None:
        return Profile(closed=True, reduction_loops=statement.reduction_loops)
    if set(named) != set(statement.loops):
        return Profile(closed=False)  # an element is written again by another loop
    recurrences = []
    for access in own:
        if any(w.terms != r.terms for w, r in zip(target.indices, access.indices, strict=True)):
            return Profile(closed=False)
        distance = _distance(statement, access)
        if any(distance.values()):
            sign = next(d for d in distance.values() if d)
            forward = tuple((loop, d if sign > 0 else -d) for loop, d in distance.items())
            recurrences.append(Recurrence("RAW" if sign > 0 else "WAR", access, forward, ranges))
    return Profile(closed=True, recurrences=tuple(recurrences))


def _writing_ranges(nest: Primitive, statement: Statement) -> tuple[tuple[str, int, int], ...]:
    """By loop, the iterations whose write lies inside the target (one loop per index)."""
    ranges = {loop: (0, nest.extent(loop)) for loop in statement.loops}
    shape = nest.tensor(statement.target.tensor).shape
    for index, size in zip(statement.target.indices, shape, strict=True):
        if not index.terms:
            if not 0 <= index.constant < size:
                return tuple((loop, 0, 0) for loop in statement.loops)
            continue
        loop, c = index.terms[0]
        low, high = (0, size - 1) if c > 0 else (size - 1, 0)
        first, last = -((index.constant - low) // c), (high - index.constant) // c
        ranges[loop] = (max(ranges[loop][0], first), min(ranges[loop][1], last + 1))
    return tuple((loop, first, last) for loop, (first, last) in ranges.items())


def _distance(statement: Statement, access: Access) -> dict[str, int]:
    """Reader minus writer of one element, in the loops' order; all zero when there is no pair."""
    distance = dict.fromkeys(statement.loops, 0)
    for write, read in zip(statement.target.indices, access.indices, strict=True):
        shift = write.constant - read.constant
        if write.terms:
            loop, c = write.terms[0]
            if shift % c:
                return dict.fromkeys(statement.loops, 0)
            distance[loop] = shift // c
        elif shift:
            return dict.fromkeys(statement.loops, 0)
    return distance


def _closed(nest: Primitive, path: Path, profile: Profile) -> Refusal | None:
    statement = nest.statements[path.leaf.statement]
    before = dict.fromkeys(profile.reduction_loops, 1)
    for level in path.levels if profile.reduction_loops else ():
        if level.loop in before:
            pieces = path.leaf.grain(level.loop).pieces(level)
            alone = level.parallel and level not in path.private
            if alone and pieces > before[level.loop]:
                return _refused_parallel(level.name, path, _reduction_text(statement))
            before[level.loop] = pieces
    for recurrence in profile.recurrences:
        found = _broken_recurrence(path, recurrence)
        if found is not None:
            return found
    return None


def _broken_recurrence(path: Path, recurrence: Recurrence) -> Refusal | None:
    """Walk the levels outwards in; `alive` keeps, by loop, the differences that are 0 so far."""
    distance = dict(recurrence.distance)
    own = (*path.levels, *path.leaf.points)
    alive: dict[str, set[tuple[int, ...]]] = {}
    for loop, first, last in recurrence.ranges:
        chain = [level for level in own if level.loop == loop]
        alive[loop] = _differences(path.leaf.grain(loop), chain, distance[loop], first, last)
    if not all(alive.values()):
        return None  # no iteration has its partner inside
    seen = dict.fromkeys(distance, 0)
    text = f"{recurrence.kind} {recurrence.access}"
    for level in own:
        place = seen[level.loop]
        seen[level.loop] += 1
        steps = {difference[place] for difference in alive[level.loop]}
        if level.parallel and steps != {0}:
            return _refused_parallel(level.name, path, f"a recurrence ({text})")
        if min(steps) < 0:
            return _refused_order(level.name, path, text)
        alive[level.loop] = {d for d in alive[level.loop] if d[place] == 0}
        if not alive[level.loop]:
            return None
    return None


def _differences(
    grain: Grain, chain: Sequence[Level], distance: int, first: int, last: int
) -> set[tuple[int, ...]]:
    """Signs of the piece of x + distance minus that of x, by level, over every x of a loop."""
    starts, ends = max(first, first - distance), min(last, last - distance)
    if not distance:
        return {(0,) * len(chain)} if ends > starts else set()
    held = [grain.pieces_of_points(level) for level in chain]
    sign = 1 if distance > 0 else -1
    return {
        tuple(sign if piece[x + distance] != piece[x] else 0 for piece in held)
        for x in range(starts, ends)
    }


def _by_isl(tree: Tree, path: Path) -> Refusal | None:
    for dependence in kept_dependences(tree.nest, path.leaf.statement, path.leaf.statement):
        refused = _broken(tree, path, dependence)
        if refused is not None:
            return refused
    return None


def _broken(tree: Tree, path: Path, dependence: Dependence) -> Refusal | None:
    """The first level that breaks a dependence of a statement on itself.

    On a stage there is none from piece to piece.
    """
    nest, alone = tree.nest, tree.staged(dependence.tensor)
    text = f"{dependence.kind} {dependence.source_access}"
    reason = f"a recurrence ({text})"
    if dependence.reduction:
        reason = _reduction_text(nest.statements[dependence.source])
    own = (*path.every, *path.leaf.levels)
    own = own if dependence.reduction else (*own, *path.leaf.points)
    last = [place for place, level in enumerate(own) if level.parallel]
    deepest = max(last, default=-1) if dependence.reduction else len(own) - 1
    if deepest < 0:
        return None
    times = schedule_map(nest, path)
    relation = dependence.relation
    if dependence.reduction:
        relation = _on_one_copy(relation, times, path)
    for place, level in enumerate(own[: deepest + 1]):
        if place < alone or (dependence.reduction and not level.parallel):
            continue
        until = first_times(times, place + 1)
        pairs = relation.apply_domain(until).apply_range(until)
        forwards, backwards = first_differ(pairs, place)
        if level.parallel and not (forwards.is_empty() and backwards.is_empty()):
            return _refused_parallel(level.name, path, reason)
        if not dependence.reduction and not backwards.is_empty():
            return _refused_order(level.name, path, text)
    return None


def _on_one_copy(relation: isl.Map, times: isl.Map, path: Path) -> isl.Map:
    """The pairs on one element of one copy: in equal pieces of every private level."""
    for level in path.private:
        piece = coordinate(times, path.levels.index(level))
        relation = relation.intersect(piece.apply_range(piece.reverse()))
    return relation


def _reduction_text(statement: Statement) -> str:
    return f"the reduction of {statement.target.tensor} (RAW/WAW {statement.target})"


def _refused_parallel(level: str, path: Path, what: str) -> Refusal:
    loop, _, depth = level.partition("@")
    where = f"register tile along {loop}" if depth == "0" else f"parallel loop {level}"
    text = f"schedule: {where} carries {what}"
    return Refusal("parallel", level, path.leaf.statement, text)


def _refused_order(level: str, path: Path, what: str) -> Refusal:
    text = f"schedule: loop {level} runs a dependence backwards ({what})"
    return Refusal("order", level, path.leaf.statement, text)
