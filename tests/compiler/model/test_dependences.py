"""Domains and dependences from isl against the enumeration of iterations."""

from __future__ import annotations

import threading
from itertools import product
from typing import Any

import islpy as isl
import pytest

from compiler.model.dependences import dependences
from compiler.model.isl_names import (
    access_map,
    context,
    domain,
    executed_domain,
    iteration,
    iteration_box,
    time_map,
)
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import OPERATORS, RECURRENCE, conv2d, matmul

Instance = tuple[int, ...]  # statement, then its loops


def _nest(spec: dict[str, Any]) -> Primitive:
    sizes = {name: min(value, 2 if name != "ih" else 3) for name, value in spec["sizes"].items()}
    return loop_nest(primitive_from({**spec, "sizes": sizes})).nest


def _inside(nest: Primitive, access: Access, at: dict[str, int]) -> bool:
    shape = nest.tensor(access.tensor).shape
    return all(0 <= i.at(at) < n for i, n in zip(access.indices, shape, strict=True))


def _live(nest: Primitive, number: int) -> list[dict[str, int]]:
    """Iterations that change something, where every operator here has a neutral padding."""
    statement = nest.statements[number]
    ranges = (range(nest.extent(loop)) for loop in statement.loops)
    points = [dict(zip(statement.loops, p, strict=True)) for p in product(*ranges)]
    neutral = statement.reduction is not None
    return [
        p
        for p in points
        if _inside(nest, statement.target, p)
        and (not neutral or all(_inside(nest, a, p) for a in statement.reads))
    ]


def _touched(nest: Primitive, number: int, at: dict[str, int], writes: bool) -> set[Instance]:
    """(tensor position, element...) of the reads or of the write of one iteration."""
    statement = nest.statements[number]
    accesses = [statement.target] if writes else list(statement.reads)
    if not writes and statement.reduction is not None:
        accesses.append(statement.target)
    names = [t.name for t in nest.tensors]
    return {
        (names.index(a.tensor), *(i.at(at) for i in a.indices))
        for a in accesses
        if _inside(nest, a, at)
    }


def _pairs(nest: Primitive, writes: bool, rewrites: bool) -> set[tuple[Instance, Instance]]:
    """Ordered pairs of iterations that touch an element, by enumeration."""
    instances = [
        (k, p, (k, *p.values())) for k in range(len(nest.statements)) for p in _live(nest, k)
    ]
    found = set()
    for i, (k, p, first) in enumerate(instances):
        for m, q, second in instances[i + 1 :]:
            if _touched(nest, k, p, writes) & _touched(nest, m, q, rewrites):
                found.add((first, second))
    return found


def _enumerated(relation: isl.Map, source: int, sink: int) -> set[tuple[Instance, Instance]]:
    inputs = relation.dim(isl.dim_type.in_)
    found: set[tuple[Instance, Instance]] = set()

    def keep(point: isl.Point) -> None:
        space = isl.dim_type.set
        total = point.get_space().dim(space)
        at = [int(point.get_coordinate_val(space, i).to_python()) for i in range(total)]
        found.add(((source, *at[:inputs]), (sink, *at[inputs:])))

    relation.wrap().flatten().foreach_point(keep)
    return found


@pytest.mark.parametrize("name", OPERATORS)
def test_domains_and_dependences_match_the_enumeration(name: str) -> None:
    nest = _nest(OPERATORS[name])
    for k in range(len(nest.statements)):
        assert domain(nest, k).count_val().to_python() == len(_live(nest, k))
    found: dict[str, set[tuple[Instance, Instance]]] = {"RAW": set(), "WAR": set(), "WAW": set()}
    for dependence in dependences(nest, reuse=False):
        found[dependence.kind] |= _enumerated(
            dependence.relation, dependence.source, dependence.sink
        )
    assert found["RAW"] == _pairs(nest, True, False)
    assert found["WAR"] == _pairs(nest, False, True)
    assert found["WAW"] == _pairs(nest, True, True)


def test_padding_is_no_part_of_the_domain_and_a_full_box_is() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=2, oc=3, ih=4, iw=4))).nest
    taps = (4 * 3 - 2) ** 2
    assert domain(nest, 0).count_val().to_python() == 2 * 3 * taps
    assert executed_domain(nest, 0).is_equal(iteration_box(nest, 0))
    assert iteration_box(nest, 0).count_val().to_python() == 2 * 3 * 16 * 9
    assert set(iteration(domain(nest, 0), nest.statements[0].loops)) == set(
        nest.statements[0].loops
    )


def test_padding_that_counts_stays_in_the_domain() -> None:
    spec = conv2d(ic=2, oc=3, ih=4, iw=4)
    spec["outside"] = {"data": 1}
    nest = loop_nest(primitive_from(spec)).nest
    assert domain(nest, 0).is_equal(iteration_box(nest, 0))
    read = access_map(nest, 0, nest.statements[0].reads[0])
    assert not read.domain().is_equal(domain(nest, 0))


def test_a_reduction_is_marked_and_spans_its_loop() -> None:
    nest = loop_nest(primitive_from(matmul())).nest
    own = [d for d in dependences(nest) if d.tensor == "c"]
    assert [d.kind for d in own] == ["WAW", "RAW", "WAR"]
    assert all(d.reduction for d in own)
    assert dict(own[0].distances) == {"m": (0, 0), "n": (0, 0), "k": (1, 5)}
    reuse = [d for d in dependences(nest) if d.kind == "RAR"]
    assert [d.tensor for d in reuse] == ["a", "b"]
    assert dict(reuse[0].distances)["n"] == (1, 4)


def test_a_recurrence_has_its_distance() -> None:
    nest = loop_nest(primitive_from(RECURRENCE)).nest
    (own,) = (d for d in dependences(nest, reuse=False))
    assert (own.kind, own.reduction) == ("RAW", False)
    assert dict(own.distances) == {"t": (1, 1), "i": (-1, -1)}
    assert str(own) == "RAW y S0->S0"


def test_time_follows_the_runs_of_each_level() -> None:
    nest = loop_nest(primitive_from(matmul(m=7))).nest
    times = time_map(nest, 0, [("m", ((1, 3), (2, 2))), ("n", ((1, 5),)), ("m", ((7, 1),))])
    expected = isl.Map.read_from_str(
        context(),
        "{ S0[m, n, k] -> [t, 0, m] : 0 <= n < 5 and (0 <= m < 3 and t = 0 or 3 <= m < 5 and t = 1"
        " or 5 <= m < 7 and t = 2) }",
    )
    assert times.is_equal(expected)


def test_names_that_mean_something_to_isl_do_no_harm() -> None:
    spec = {
        "name": "words",
        "sizes": {"mod": 3, "floor": 4},
        "tensors": {"exists": ["mod", "floor"], "a": ["mod"]},
        "statements": ["a[mod] += exists[mod,floor]"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    assert [d.kind for d in dependences(nest)] == ["WAW", "RAW", "WAR"]


def test_threads_have_contexts_of_their_own() -> None:
    nest = loop_nest(primitive_from(matmul())).nest
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(dependences(nest)))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5, 5, 5]
