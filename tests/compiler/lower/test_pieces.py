"""Bands at levels of others: closed form, isl and enumeration of iterations give one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.lower.legality import by_isl, structural
from compiler.lower.lowered import lowered
from compiler.lower.steps import region_bounds
from compiler.lower.tree import Path, Tree, shared_levels
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.chains import SOFTMAX
from tests.compiler.random_attachments import (
    random_attachments,
    random_statements,
    random_windows,
)

Point = dict[str, int]
Event = tuple[Point, tuple[int, ...]]  # an iteration, the pieces of all levels around it


def events(nest: Primitive, path: Path) -> Iterator[Event]:
    """Every run of a leaf's statement, by trying all pieces of the levels around it."""
    statement = nest.statements[path.leaf.statement]
    finest = {(one.statement, one.level.loop): one for one in path.around}
    for pieces in product(*(range(one.grain.pieces(one.level)) for one in path.around)):
        values = {one.piece: piece for one, piece in zip(path.around, pieces, strict=True)}
        if any(
            values[one.piece] != values[inner.piece] * inner.level.step // one.level.step
            for one in path.around
            for inner in [finest[one.statement, one.level.loop]]
        ):
            continue
        regions = dict.fromkeys(one.grain.region for one in path.around if one.grain.region)
        for region in (*regions, *path.regions):
            for name, value in region_bounds(region):
                values[name] = eval(value, {"min": min, "max": max}, values)
        if any(
            region is not None
            and not region.fixed
            and values[one.piece] * one.level.points(one.grain) >= values[region.points]
            for one in path.around
            for region in [one.grain.region]
        ):
            continue
        for point in _points(nest, path, statement, values):
            own = []
            for level in path.levels:
                grain = next(grain for grain in path.leaf.grains if grain.loop == level.loop)
                at = point[level.loop]
                if grain.region is not None:
                    at -= values[grain.region.first]
                own.append(grain.pieces_of_points(level)[at])
            yield point, (*pieces, *own)


def _points(
    nest: Primitive, path: Path, statement: Statement, values: dict[str, int]
) -> Iterator[Point]:
    ranges = []
    for loop in statement.loops:
        grain = next(grain for grain in path.leaf.grains if grain.loop == loop)
        first, count = 0, grain.extent
        if grain.region is not None:
            first = values[grain.region.first]
            count = values.get(grain.region.points, grain.region.size)
        ranges.append(range(first, first + count))
    for values_of in product(*ranges):
        yield dict(zip(statement.loops, values_of, strict=True))


def elements(nest: Primitive, access: Access, point: Point) -> set[Any]:
    found = tuple(index.at(point) for index in access.indices)
    shape = nest.tensor(access.tensor).shape
    inside = all(0 <= i < size for i, size in zip(found, shape, strict=True))
    return {(access.tensor, found)} if inside else set()


def _touched(nest: Primitive, statement: Statement, point: Point) -> tuple[set[Any], set[Any]]:
    """Elements written and read."""
    written = elements(nest, statement.target, point)
    read = set().union(*(elements(nest, access, point) for access in statement.reads))
    return written, read | (written if statement.reduction else set())


def broken(tree: Tree) -> bool:
    """Whether an iteration runs twice or never, or two run in the wrong order."""
    nest, paths = tree.nest, tree.paths()
    runs = [list(events(nest, path)) for path in paths]
    if _missing(tree, paths, runs):
        return True
    for path, own in zip(paths, runs, strict=True):
        statement = nest.statements[path.leaf.statement]
        if (stage := tree.stage(statement.target.tensor)) is not None:
            runs_of = Counter((tuple(point.values()), at[: stage.depth]) for point, at in own)
            if max(runs_of.values(), default=1) > 1:
                return True
            continue
        times = Counter(tuple(point.values()) for point, _ in own)
        every = product(*(range(nest.extent(loop)) for loop in statement.loops))
        if any(times[point] != 1 for point in every):
            return True
    for one, first in enumerate(paths):
        for other, second in enumerate(paths):
            if first.leaf.statement >= second.leaf.statement:
                continue
            levels = shared_levels(first, second)
            for early in runs[one]:
                for late in runs[other]:
                    if _depend(tree, first, second, early, late) and _wrong(
                        levels, early[1], late[1], one < other
                    ):
                        return True
    return False


def _missing(tree: Tree, paths: Sequence[Path], runs: Sequence[list[Event]]) -> bool:
    """Whether an element of a stage is read in a piece that does not write it, though one does."""
    nest = tree.nest
    for stage in tree.stages:
        written, read = set(), set()
        for path, own in zip(paths, runs, strict=True):
            statement = nest.statements[path.leaf.statement]
            for point, times in own:
                piece = times[: stage.depth]
                if statement.target.tensor == stage.tensor:
                    for element in elements(nest, statement.target, point):
                        written.add((piece, element))
                for access in statement.reads:
                    if access.tensor == stage.tensor:
                        for element in elements(nest, access, point):
                            read.add((piece, element))
        anywhere = {element for _, element in written}  # others are as the piece begins
        if any(element in anywhere for _, element in read - written):
            return True
    return False


def _depend(tree: Tree, first: Path, second: Path, early: Event, late: Event) -> bool:
    nest = tree.nest
    w1, r1 = _touched(nest, nest.statements[first.leaf.statement], early[0])
    w2, r2 = _touched(nest, nest.statements[second.leaf.statement], late[0])
    tensors = {tensor for tensor, _ in (w1 & (w2 | r2)) | (r1 & w2)}
    depths = map(tree.staged, tensors)  # another piece has another buffer
    return any(early[1][:depth] == late[1][:depth] for depth in depths)


def _wrong(levels: Any, early: tuple[int, ...], late: tuple[int, ...], before: bool) -> bool:
    for around, one, other in zip(levels, early, late, strict=False):
        if one != other:
            return bool(around.level.parallel or one > other)
    return not before


def test_random_attachments_agree_with_enumeration() -> None:
    check_random_attachments(11, 100)


def check_random_attachments(seed: int, count: int) -> None:
    """So many random trees, refused or accepted as enumeration says."""
    random = Random(seed)
    seen = {True: 0, False: 0}
    attached = 0
    while sum(seen.values()) < count:
        nest = random_statements(random, m=random.randint(2, 5), n=random.randint(2, 4))
        if random.random() < 0.2:
            nest = random_windows(random)
        tree = None if nest is None else _lowered(nest, random_attachments(nest, random))
        if tree is None:
            continue
        wrong = _told_alike(tree)
        if wrong is None:
            continue
        seen[wrong] += 1
        attached += any(path.around for path in tree.paths()) and not wrong
    assert min(seen.values()) > count / 5 and attached > count / 10


def test_rows_that_are_kept_agree_with_enumeration() -> None:
    check_kept_rows(7, 40)


def check_kept_rows(seed: int, count: int) -> None:
    """The same of trees that keep rows from one piece to the next."""
    random, seen = Random(seed), {True: 0, False: 0}
    while sum(seen.values()) < count:
        nest = random_windows(random)
        tree = _lowered(nest, random_attachments(nest, random, keep=0.6))
        if tree is None or not any(stage.rolling for stage in tree.stages):
            continue
        wrong = _told_alike(tree)
        seen[wrong is None or wrong] += 1
    assert min(seen.values()) > count / 12, seen


def _lowered(nest: Primitive, schedule: Schedule) -> Tree | None:
    try:
        return lowered(nest, schedule)
    except ScheduleError:
        return None


def _told_alike(tree: Tree) -> bool | None:
    """Whether a tree is refused, as enumeration says; None for what is not about attachments."""
    found = by_isl(tree), structural(tree)
    if any(refusal is not None and refusal.kind != "fusion" for refusal in found):
        return None  # a statement's own dependence: test_legality
    wrong = broken(tree)
    assert [refusal is not None for refusal in found] == [wrong] * 2, (
        tree.body,
        [s.text for s in tree.nest.statements],
        tree.nest.extents,
        found,
    )
    return wrong


APART = "scalar/order:m+n/lanes/vector:n.4/order:m+n/scalar/order:m+n/lanes/vector:n.4/order:m+n"
CASES = {
    "S0.n+S1.n": "fusion:S0.n: S0 at m=0, n=0 writes t[0] in piece m=0, n=0 and in piece m=0, n=1",
    "S1.m": "fusion:S2 runs before S1 (RAW e[m, n])",
}


@pytest.mark.parametrize("fusion", CASES)
def test_what_an_attachment_breaks_is_named(fusion: str) -> None:
    nest = loop_nest(primitive_from({**SOFTMAX, "temporary": []})).nest
    tree = lowered(nest, parse_schedule(f"{APART}/fusion:{fusion}"))
    for refusal in (by_isl(tree), structural(tree)):
        assert str(refusal) == f"schedule: {CASES[fusion]}"


def test_what_a_piece_lacks_is_named_with_both_iterations() -> None:
    spec = {
        "name": "turned",
        "sizes": {"m": 3, "n": 3},
        "tensors": {"x": ["m", "n"], "u": ["m", "n"], "v": ["m", "n"], "s": ["n"]},
        "temporary": ["u", "v"],
        "outside": {"v": 0},
        "statements": ["u[m,n] = x[m,n]", "v[m,n] = u[n,m]", "s[n] += u[m,n] * v[m - 1,n]"],
    }
    line = "scalar/order:n+m/scalar/order:m+n/fusion:S0.m/scalar/order:m+n/fusion:S1.m"
    tree = lowered(loop_nest(primitive_from(spec)).nest, parse_schedule(line))
    for refusal in (by_isl(tree), structural(tree)):
        assert str(refusal) == (
            "schedule: fusion: S2 at n=0, m=0 reads u[0, 0], which S0 writes at m=0, n=0, in "
            "another piece"
        )


REFUSED = {
    "S0.m": "fusion:S0: nothing at that level reads t",
    "S1.n@1": "fusion: S1.n@1: the order has no such level; give one, or tile",
    "S4.m": "fusion:S4.m: no earlier band is of S4",
}


@pytest.mark.parametrize("fusion", REFUSED)
def test_an_attachment_without_sense_is_refused(fusion: str) -> None:
    nest = loop_nest(primitive_from(SOFTMAX)).nest
    with pytest.raises(ScheduleError) as refused:
        lowered(nest, parse_schedule(f"{APART}/fusion:{fusion}"))
    assert REFUSED[fusion] in str(refused.value)
