"""The one file that knows which isl dimension is which: sets and maps of a nest's statements.

Statement k is the named space `Sk`; its dimension i is `statement.loops[i]`. A tensor is a named
space of its own name, a dimension per dimension; the statement of a perfect nest is `S`. Names of
loops never reach isl's text.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import islpy as isl

from compiler.model.loop_nest import nest_guards
from compiler.problem.primitive import Access, Affine, Primitive

_THREAD = threading.local()
Extents = Sequence[tuple[str, int]]  # names and extents, outermost first
Cuts = Sequence[tuple[int, int]]  # (pieces, points of each): how a level cuts a loop's range


def context() -> isl.Context:
    """The calling thread's own isl context: objects of different ones must not meet."""
    found = getattr(_THREAD, "context", None)
    if found is None:
        found = _THREAD.context = isl.Context()
    return found


def iteration_box(nest: Primitive, statement: int) -> isl.Set:
    """All iterations, `{ S0[x0, x1] : 0 <= x0 < 4 and 0 <= x1 < 5 }`."""
    return _set(nest, statement, [])


def executed_domain(nest: Primitive, statement: int) -> isl.Set:
    """Iterations that write: those whose target lies inside its tensor."""
    return _set(nest, statement, _inside(nest, statement, writes_only=True))


def domain(nest: Primitive, statement: int) -> isl.Set:
    """Iterations that change something: padding is left out where what it reads is neutral."""
    return _set(nest, statement, _inside(nest, statement, writes_only=False))


def access_map(nest: Primitive, statement: int, access: Access) -> isl.Map:
    """`{ S0[x0, x1] -> out[x0] }`, elements inside the tensor only."""
    places = _places(nest, statement)
    elements = ", ".join(_text(index, places) for index in access.indices)
    shape = nest.tensor(access.tensor).shape
    kept = [
        f"0 <= {_text(index, places)} < {size}"
        for index, size in zip(access.indices, shape, strict=True)
    ]
    where = " and ".join(kept)
    return isl.Map.read_from_str(
        context(), f"{{ {_space(nest, statement)} -> {access.tensor}[{elements}] : {where} }}"
    )


def original_order(nest: Primitive, source: int, sink: int) -> isl.Map:
    """Pairs (earlier, later) in program order: by statement, then lexicographically by loops."""
    first, second = _space(nest, source), _space(nest, sink)
    if source != sink:
        second = second.replace("x", "y")
        condition = "" if source < sink else " : 1 = 0"
        return isl.Map.read_from_str(context(), f"{{ {first} -> {second}{condition} }}")
    space = isl.Set.read_from_str(context(), f"{{ {first} }}").get_space()
    return isl.Map.lex_lt(space)


def time_map(nest: Primitive, statement: int, levels: Sequence[tuple[str, Cuts]]) -> isl.Map:
    """From iterations to the pieces of each (loop, runs) level, outermost first.

    `{ S0[x0] -> [floor(x0/6), x0] }` for levels of 6 points and of 1 point.
    """
    places = _places(nest, statement)
    cuts = [(places[loop], runs) for loop, runs in levels if loop in places]
    conditions = [_cut(x, f"t{k}", runs) for k, (x, runs) in enumerate(cuts)]
    times = ", ".join(f"t{k}" for k in range(len(cuts)))
    where = " and ".join(conditions) or "0 = 0"
    return isl.Map.read_from_str(
        context(), f"{{ {_space(nest, statement)} -> [{times}] : {where} }}"
    )


def first_times(times: isl.Map, count: int) -> isl.Map:
    """The map to the first `count` dimensions of time."""
    return times.project_out(isl.dim_type.out, count, times.dim(isl.dim_type.out) - count)


def coordinate(times: isl.Map, place: int) -> isl.Map:
    """The map to one dimension of time."""
    return first_times(times, place + 1).project_out(isl.dim_type.out, 0, place)


def first_differ(times: isl.Map, level: int) -> tuple[isl.Map, isl.Map]:
    """Pairs of times that agree before a level, and at it run (forwards, backwards)."""
    found = times
    for before in range(level):
        found = found.equate(isl.dim_type.in_, before, isl.dim_type.out, before)
    return (
        found.order_lt(isl.dim_type.in_, level, isl.dim_type.out, level),
        found.order_gt(isl.dim_type.in_, level, isl.dim_type.out, level),
    )


def distances(relation: isl.Map, loops: Sequence[str]) -> dict[str, tuple[int | None, int | None]]:
    """Least and largest sink minus source, by loop; None where it is unbounded."""
    deltas = relation.deltas()
    if deltas.is_empty():
        return {}

    def bound(value: isl.Val) -> int | None:
        return int(value.to_python()) if value.is_int() else None

    return {
        loop: (bound(deltas.dim_min_val(i)), bound(deltas.dim_max_val(i)))
        for i, loop in enumerate(loops)
    }


def iteration(points: isl.Set, loops: Sequence[str]) -> dict[str, int]:
    """One iteration out of a set that is not empty."""
    return dict(zip(loops, coordinates(points), strict=True))


def pair(
    relation: isl.Map, first: Sequence[str], second: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Two iterations that a relation holds, which is not empty; `first` and `second` are loops."""
    one = relation.domain().lexmin()
    return iteration(one, first), iteration(relation.intersect_domain(one).range().lexmin(), second)


def twice(
    times: isl.Map, loops: Sequence[str], alike: int
) -> tuple[dict[str, int], tuple[int, ...], tuple[int, ...]] | None:
    """An iteration with two of its times, the earlier first; None if there is none.

    They are the same in the first `alike` dimensions.
    """
    images = times.reverse().apply_range(times)
    for place in range(alike, times.dim(isl.dim_type.out)):
        later, _ = first_differ(images, place)
        if not later.is_empty():
            one = later.domain().lexmin()
            other = later.intersect_domain(one).range().lexmin()
            both = (times.intersect_range(end).domain() for end in (one, other))
            shared = next(both).intersect(next(both))
            return iteration(shared.lexmin(), loops), coordinates(one), coordinates(other)
    return None


def coordinates(points: isl.Set) -> tuple[int, ...]:
    """A point of a set that is not empty."""
    point = points.sample_point()
    return tuple(
        int(point.get_coordinate_val(isl.dim_type.set, i).to_python())
        for i in range(points.dim(isl.dim_type.set))
    )


def box(loops: Extents, limits: Sequence[tuple[Affine, int]] = ()) -> isl.Set:
    """Every loop from 0 over its extent, `{ S[x0, x1] : 0 <= x0 < 4 and 0 <= x1 < 5 }`.

    A limit (index, size) adds `index < size`.
    """
    places = _positions(loops)
    conditions = [f"0 <= {places[loop]} < {extent}" for loop, extent in loops]
    conditions += [f"{_text(index, places)} < {size}" for index, size in limits]
    where = " and ".join(conditions) or "0 = 0"
    return isl.Set.read_from_str(context(), f"{{ S[{', '.join(places.values())}] : {where} }}")


def element_map(loops: Extents, access: Access) -> isl.Map:
    """`{ S[x0, x1] -> out[x0 + 2*x1] }`, wherever the elements lie."""
    places = _positions(loops)
    elements = ", ".join(_text(index, places) for index in access.indices)
    return isl.Map.read_from_str(
        context(), f"{{ S[{', '.join(places.values())}] -> {access.tensor}[{elements}] }}"
    )


def edges(points: isl.Set, level: int) -> tuple[isl.Set, isl.Set, int]:
    """Points at the first and at the last iteration of a loop, and how many it has.

    The loops around it stay where the first point of all has them.
    """
    first = points.lexmin()
    for before in range(level):
        points = points.fix_val(isl.dim_type.set, before, first.dim_min_val(before))
    ends = points.dim_min_val(level), points.dim_max_val(level)
    inside = points.dim(isl.dim_type.set) - level - 1
    count = points.project_out(isl.dim_type.set, level + 1, inside).count_val()
    low, high = (points.fix_val(isl.dim_type.set, level, end) for end in ends)
    return low, high, int(count.to_python())


def _positions(loops: Extents) -> dict[str, str]:
    return {loop: f"x{i}" for i, (loop, _) in enumerate(loops)}


def _places(nest: Primitive, statement: int) -> dict[str, str]:
    return {loop: f"x{i}" for i, loop in enumerate(nest.statements[statement].loops)}


def _space(nest: Primitive, statement: int) -> str:
    return f"S{statement}[{', '.join(_places(nest, statement).values())}]"


def _text(index: Affine, places: Mapping[str, str]) -> str:
    terms = [f"{c}*{places[loop]}" for loop, c in index.terms]
    return " + ".join([*terms, str(index.constant)])


def _set(nest: Primitive, statement: int, conditions: Sequence[str]) -> isl.Set:
    extents = dict(nest.extents)
    places = _places(nest, statement).items()
    box = [f"0 <= {x} < {extents[loop]}" for loop, x in places]
    where = " and ".join([*box, *conditions]) or "0 = 0"
    return isl.Set.read_from_str(context(), f"{{ {_space(nest, statement)} : {where} }}")


def _inside(nest: Primitive, statement: int, writes_only: bool) -> list[str]:
    """Conditions under which an iteration counts."""
    places = _places(nest, statement)
    return [
        f"0 <= {_text(guard.index, places)} < {guard.size}"
        for guard in nest_guards(nest)
        if guard.statement == statement and (guard.write if writes_only else guard.skips)
    ]


def _cut(x: str, time: str, runs: Cuts) -> str:
    """The piece of a level that holds x, one alternative per run."""
    alternatives = []
    start = piece = 0
    for pieces, size in runs:
        end = start + pieces * size
        value = (
            f"{x} - {start - piece}" if size == 1 else f"{piece} + floor(({x} - {start})/{size})"
        )
        alternatives.append(f"({start} <= {x} < {end} and {time} = {value})")
        start, piece = end, piece + pieces
    return f"({' or '.join(alternatives)})"
