"""Hypothesis strategies for schedules of any nest: well formed, fitting nothing in particular."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from compiler.microkernel.catalogue import MICROKERNELS
from compiler.schedule.schedule import LANES, SCHEMES, TILE, Attached, Band, Schedule

T = TypeVar("T")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
LEVELS = st.builds(
    lambda loop, depth: f"{loop}@{depth}" if depth else loop, NAMES, st.integers(0, 9)
)
TAGS = st.from_regex(r"[a-dA-D]{1,4}([1-9][0-9]?[a-d]){0,2}", fullmatch=True)
STATEMENTS = st.lists(st.integers(0, 9), max_size=3, unique=True)
SIZES = st.integers(1, 10**6)


def _pairs(
    names: st.SearchStrategy[str], values: st.SearchStrategy[T]
) -> st.SearchStrategy[tuple[tuple[str, T], ...]]:
    items = st.tuples(names, values)
    return st.lists(items, max_size=4, unique_by=lambda item: item[0]).map(tuple)


@st.composite
def bands(draw: st.DrawFn) -> Band:
    """Any band that the value itself accepts."""
    order = draw(st.lists(LEVELS, min_size=1, max_size=8, unique=True))
    parallel = tuple(draw(st.lists(st.sampled_from(order), max_size=3)))
    private = draw(st.sets(st.tuples(NAMES, st.sampled_from(parallel)))) if parallel else ()
    return Band(
        scheme=draw(st.sampled_from(SCHEMES)),
        order=tuple(order),
        vector=(draw(NAMES), draw(st.sampled_from(LANES))),
        tile=draw(_pairs(NAMES, SIZES)),
        block=draw(_pairs(LEVELS, SIZES)),
        parallel=parallel,
        private=tuple(sorted(private)),
        unroll=draw(st.integers(1, 64)),
        prefetch=draw(st.integers(0, 10**6)),
        ahead=tuple((name, draw(st.sampled_from(order))) for name in sorted(draw(st.sets(NAMES)))),
        nontemporal=not private and draw(st.booleans()),
        microkernel=draw(st.sampled_from(MICROKERNELS)),
        of=draw(st.none() | st.integers(0, 9)),
        fusion=()
        if private
        else tuple(Attached(n, draw(st.sampled_from([TILE, *order]))) for n in draw(STATEMENTS)),
    )


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any schedule, mostly of one band."""
    some = tuple(draw(st.lists(bands(), min_size=1, max_size=3)))
    return Schedule(some, draw(_pairs(NAMES, TAGS)), draw(_pairs(NAMES, TAGS)))
