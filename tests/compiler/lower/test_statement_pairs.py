"""Statements on one register tile: closed form, isl and enumeration of pairs give one answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.lower.legality import by_isl, structural
from compiler.lower.lowered import lowered
from compiler.lower.tree import Fused, Loops, Microkernel, Path, Tree
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.random_chains import chain_spec, random_band, random_chain

Point = dict[str, int]
Time = tuple[tuple[int, ...], tuple[int, ...], int]  # pieces of the levels, points, place


def _times(path: Path, statement: Statement, place: int, fused: Fused | None) -> Any:
    """All times at which an iteration runs."""
    leaf = path.leaf
    assert isinstance(leaf, Microkernel)
    grains = {grain.loop: grain for grain in leaf.grains}
    names = {x: x for x in statement.loops} if fused is None else dict(fused.loops)
    own = [grain.loop for grain in leaf.grains if not grain.summed]
    last = {level.loop for level in fused.last} if fused is not None else set()
    free = [x for x in {level.loop for level in path.loops} if grains[x].summed]

    def at(point: Point) -> Iterator[Time]:
        here = {names[loop]: value for loop, value in point.items()}
        choices = []
        for loop in free:
            every = range(grains[loop].extent) if loop not in here else [here[loop]]
            choices.append([grains[loop].extent - 1] if loop in last else list(every))
        for choice in product(*choices):
            full = here | dict(zip(free, choice, strict=True))
            pieces = [grains[x.loop].pieces_of_points(x)[full[x.loop]] for x in path.loops]
            yield tuple(pieces), tuple(full[x] for x in own), place

    return at


def _executed(nest: Primitive, statement: Statement) -> list[Point]:
    ranges = (range(nest.extent(loop)) for loop in statement.loops)
    return [dict(zip(statement.loops, p, strict=True)) for p in product(*ranges)]


def _elements(access: Access, point: Point) -> tuple[str, tuple[int, ...]]:
    return access.tensor, tuple(index.at(point) for index in access.indices)


def _touched(statement: Statement, point: Point) -> tuple[set[Any], set[Any]]:
    """Elements written and read."""
    reads = {_elements(access, point) for access in statement.reads}
    written = {_elements(statement.target, point)}
    return written, reads | (written if statement.reduction else set())


def _broken_by_enumeration(tree: Tree) -> bool:
    """Any two iterations of different statements, or of one that is fused, in the wrong order."""
    (path,) = tree.paths()
    leaf = path.leaf
    assert isinstance(leaf, Microkernel)
    runs: list[tuple[int, Fused | None]] = [(leaf.statement, None)]
    runs += [(fused.statement, fused) for fused in leaf.fused]
    events = []
    for place, (number, fused) in enumerate(runs):
        statement = tree.nest.statements[number]
        at = _times(path, statement, place, fused)
        for order, point in enumerate(_executed(tree.nest, statement)):
            events.append((number, order, _touched(statement, point), list(at(point))))
    for early in events:
        for late in events:
            if early[:2] >= late[:2] or early[0] == late[0] == leaf.statement:
                continue
            (w1, r1), (w2, r2) = early[2], late[2]
            if not (w1 & (w2 | r2) or r1 & w2):
                continue
            if any(_wrong(path, one, two) for one in early[3] for two in late[3]):
                return True
    return False


def _wrong(path: Path, one: Time, two: Time) -> bool:
    for level, first, second in zip(path.loops, one[0], two[0], strict=True):
        if first != second:
            return level.parallel or first > second
    return one[1] != two[1] or one[2] > two[2]


@pytest.mark.parametrize(("row", "legal"), [("m - 1", True), ("m", False), ("m + 1", False)])
def test_statements_of_a_tile_change_places_where_they_do_not_meet(row: str, legal: bool) -> None:
    """S2 reads what S1 has written in an earlier tile, in its own, or writes in a later one."""
    spec = {
        "name": "rows",
        "sizes": {"m": 4, "n": 4, "k": 3},
        "tensors": {
            "a": ["m", "k"],
            "b": ["k", "n"],
            **{tensor: ["m", "n"] for tensor in ("x", "y", "c", "z")},
        },
        "outside": {"c": 0},
        "statements": [
            "c[m,n] += a[m,k] * b[k,n]",
            "c[m,n] = c[m,n] + y[m,n]",
            f"z[m,n] = c[{row},n] - x[m,n]",
        ],
    }
    nest = loop_nest(primitive_from(spec)).nest
    tree = lowered(
        nest, parse_schedule("broadcast/vector:n.4/tile:n.1/order:m+n+k/fusion:S2.tile+S1.tile")
    )
    assert [refusal is None for refusal in (by_isl(tree), structural(tree))] == [legal] * 2
    assert _broken_by_enumeration(tree) != legal


def test_random_chains_agree_with_enumeration() -> None:
    check_chains(5, 200)


def check_chains(seed: int, count: int) -> None:
    """So many random chains, refused or accepted as enumeration says."""
    random = Random(seed)
    seen = {True: 0, False: 0}
    while sum(seen.values()) < count:
        nest = random_chain(random)
        if nest is None:
            continue
        numbers = list(range(1, len(nest.statements)))
        if random.random() < 0.15:
            numbers.reverse()
        schedule = Schedule((random_band(nest, random, tuple(numbers)),))
        try:
            tree = lowered(nest, schedule)
        except ScheduleError:
            continue
        if random.random() < 0.2:
            tree = _without_waiting(tree)
        broken = _broken_by_enumeration(tree)
        found = by_isl(tree), structural(tree)
        assert [refusal is not None for refusal in found] == [broken] * 2, (
            str(schedule),
            [s.text for s in nest.statements],
            found,
        )
        seen[broken] += 1
    assert min(seen.values()) > count / 10


def _without_waiting(tree: Tree) -> Tree:
    (loops,) = tree.body
    assert isinstance(loops, Loops)
    (leaf,) = loops.body
    assert isinstance(leaf, Microkernel)
    hasty = replace(leaf, fused=tuple(replace(one, last=()) for one in leaf.fused))
    return replace(tree, body=(replace(loops, body=(hasty,)),))


CASES = {
    ("y[m,n] = max(c[m+1,n], 0)",):
        "S1 on S0: loop m runs a dependence backwards (RAW c[m, n]): "
        "c[3, 0] of S0 at m=3, n=0, k=0 and S1 at m=2, n=0",
    ("y[m,n] = c[m,n] + c[n,m]",):
        "S1 on S0: loop m runs a dependence backwards (RAW c[m, n]): "
        "c[3, 0] of S0 at m=3, n=0, k=0 and S1 at m=0, n=3",
    ("y[m,n] = c[m,n] + 1", "z[m,n] = c[m,n] + y[m-1,n]"):
        "S2 on S1: the register tile along m runs at once what must follow (RAW y[m, n]): "
        "y[0, 0] of S1 at m=0, n=0 and S2 at m=1, n=0",
}  # fmt: skip


@pytest.mark.parametrize("statements", CASES)
def test_the_broken_dependence_is_named(statements: tuple[str, ...]) -> None:
    spec = chain_spec(statements, m=6, n=6)
    nest = loop_nest(primitive_from(spec)).nest
    fusion = "+".join(f"S{k + 1}.tile" for k in range(len(statements)))
    text = f"broadcast/vector:n.2/tile:m.3/order:m+n+k/fusion:{fusion}"
    tree = lowered(nest, parse_schedule(text))
    for refusal in (by_isl(tree), structural(tree)):
        assert refusal is not None and refusal.kind == "fusion"
        assert str(refusal) == f"schedule: fusion:{CASES[statements]}"


def test_what_is_fused_waits_for_the_whole_sum() -> None:
    spec = chain_spec(["c[m,n] = max(c[m,n], 0)"])
    nest = loop_nest(primitive_from(spec)).nest
    text = "broadcast/vector:n.2/order:k@1+m+n+k/block:k@1.2/fusion:S1.tile"
    tree = lowered(nest, parse_schedule(text))
    assert by_isl(tree) is None and structural(tree) is None
    for refusal in (by_isl(_without_waiting(tree)), structural(_without_waiting(tree))):
        assert "loop k@1 runs a dependence backwards" in str(refusal)
