"""Random primitives: the same for a seed, of every form, of the size that was asked for."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.random_nests import MOST_LOOPS, random_nest, random_nests

COUNT = 300


@cache
def primitives() -> tuple[Primitive, ...]:
    return tuple(primitive_from(spec) for spec in random_nests(0, COUNT))


def test_a_seed_gives_the_same_problems_however_many_are_asked_for() -> None:
    assert random_nests(5, 20)[:7] == random_nests(5, 7)
    assert random_nests(6, 7) != random_nests(5, 7)


def test_every_one_is_a_primitive_of_the_promised_size() -> None:
    for primitive in primitives():
        assert 1 <= len(primitive.statements) <= 3
        assert all(1 <= len(s.loops) <= MOST_LOOPS for s in primitive.statements)
        assert len(primitive.statements[0].loops) >= 2
        assert 1e4 < primitive.flops < 1e9
        assert sum(tensor.bytes for tensor in primitive.tensors) <= 2**25


def test_no_form_is_rare() -> None:
    found: Counter[str] = Counter()
    for primitive in primitives():
        found[f"{len(primitive.statements)} statements"] += 1
        found[f"{len(primitive.statements[0].loops)} loops"] += 1
        found.update({what for s in primitive.statements for what in _forms(primitive, s.loops)})
        found.update({str(s.reduction) for s in primitive.statements})
    wanted = [*(f"{n} statements" for n in (1, 2, 3)), *(f"{n} loops" for n in range(2, 7))]
    wanted += ["add", "max", "min", "None", "stride", "shift", "window", "broadcast", "transpose"]
    assert all(found[what] >= COUNT // 20 for what in wanted), found


def _forms(primitive: Primitive, loops: tuple[str, ...]) -> set[str]:
    """What the accesses of the statement of these loops look like."""
    found = set()
    (statement, *_) = (s for s in primitive.statements if s.loops == loops)
    order = [loop for index in statement.target.indices for loop in index.loops]
    for access in statement.reads:
        named = [loop for index in access.indices for loop in index.loops]
        kept = [loop for loop in named if loop in order]
        found |= {"transpose"} if kept != sorted(kept, key=order.index) else set()
        found |= {"broadcast"} if set(order) - set(named) else set()
        for index in access.indices:
            found |= {"window"} if len(index.terms) > 1 else set()
            found |= {"stride"} if any(c > 1 for _, c in index.terms) else set()
            found |= {"shift"} if index.constant else set()
    return found


def test_small_ones_are_small() -> None:
    for number in range(50):
        primitive = primitive_from(random_nest("small", Random(number), seconds=(1e-9, 1e-8)))
        assert primitive.flops < 20_000
