"""What is fetched ahead: operands from memory, by pieces of which L2 holds two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compiler.codegen.generate import generate
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import FETCHING
from compiler.space.fetching import fetching, from_memory
from tests.compiler.machines import AVX512
from tests.compiler.problem.operators import conv2d, matmul

WIDE = matmul(m=32, n=4096, k=512)  # 8 MB of b; L2 has 512 kB, L3 4 MB
LONG = matmul(m=4096, n=64, k=512)
LINE = "broadcast/vector:n.16/tile:n.3+m.8/order:{}/layout:b.Ba16b"


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


def _tags(spec: dict[str, Any], order: str) -> list[tuple[tuple[str, str], ...]]:
    schedule = parse_schedule(LINE.format(order))
    found = fetching(_nest(spec), schedule, 0, AVX512)
    assert all(one.with_band(ahead=()) == schedule for one in found)
    return [one.band.ahead for one in found]


def test_a_level_moves_pieces_of_which_l2_holds_two() -> None:
    assert _tags(WIDE, "n+m+k") == [(("b", "n"),)]  # a piece has 96 kB, a is in L2
    assert _tags(WIDE, "n@1+m+n+k/block:n@1.2") == [(("b", "n@1"),)]
    assert _tags(WIDE, "n@1+m+n+k/block:n@1.4") == [(("b", "n"),)]  # 384 kB are too many
    assert _tags(WIDE, "k@1+n+m+k/block:k@1.256") == [(("b", "n"),)]
    assert _tags(WIDE, "m+k@1+n+k/block:k@1.16") == [(("b", "k@1"),)]
    assert _tags(LONG, "m+n+k") == [(("a", "m"),)]
    both = matmul(m=2048, n=2048, k=512)
    assert _tags(both, "n+m+k") == [(("b", "n"),), (("a", "m"),), (("b", "n"), ("a", "m"))]


def test_what_a_cache_holds_is_not_from_memory() -> None:
    assert from_memory(_nest(WIDE), AVX512)
    assert not from_memory(_nest(matmul(m=64, n=256, k=512)), AVX512)
    assert not from_memory(_nest(WIDE), replace(AVX512, caches=()))
    assert fetching(_nest(WIDE), parse_schedule("scalar/order:m+n+k"), 0, AVX512) == ()
    assert (
        fetching(_nest(WIDE), parse_schedule("broadcast/vector:n.16/order:n+m+k"), 0, AVX512) == ()
    )
    library = f"{LINE.format('n+m+k')}/microkernel:libxsmm"
    assert fetching(_nest(WIDE), parse_schedule(library), 0, AVX512) == ()


def test_the_space_has_them_where_tensors_come_from_memory() -> None:
    def ahead(spec: dict[str, Any]) -> list[Schedule]:
        ranked = ranked_schedules(primitive_from(spec), AVX512)
        return [one.schedule for one in ranked if one.schedule.band.ahead]

    found = ahead(WIDE)
    assert 0 < len(found) <= FETCHING
    for schedule in found[:4]:
        assert "__builtin_prefetch(t_b" in generate(fitted(_nest(WIDE), schedule)).text
    first = ranked_schedules(primitive_from(WIDE), AVX512)[0].schedule
    assert dict(first.band.ahead).keys() == {"b"}
    assert not ahead(conv2d(ic=64, oc=64, ih=14, iw=14))
