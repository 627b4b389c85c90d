"""The text form of a schedule: reads back exactly, and says what is wrong in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ScheduleError
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.schedule.strategies import schedules

FULL = (
    "broadcast/vector:oc.8/tile:ow.6+oc.2/order:n+oc@1+oh+ow+oc+ic@1+kh+kw+ic"
    "/block:oc@1.4+ic@1.16/parallel:n+oc@1/layout:data.aBcd16b+out.aBcd8b/pack:data.abcd"
    "/unroll:4/prefetch:512/ahead:data.oh/nontemporal:1/microkernel:product"
)
MALFORMED = {
    "": "names no order",
    "broadcast": "names no order",
    "fancy/order:m": "unknown scheme 'fancy'; known: broadcast, pixels, lanes, dot, scalar",
    "scalar/order": "'order' is no field; expected NAME:VALUE, NAME one of of, vector, tile",
    "scalar/order:": "'order:' is no field",
    "scalar//order:m": "'' is no field",
    "scalar/order:m/colour:red": "'colour:red' is no field",
    "scalar/order:m/order:n": "field 'order' is given twice",
    "scalar/order:m/ahead:a": "ahead: 'a' is not of the form NAME.VALUE",
    "scalar/order:m/ahead:a.n": "ahead:a.n: the order has no such level",
    "scalar/order:m/ahead:a.m+a.m": "ahead names 'a' twice",
    "scalar/order:m+m": "order names a level twice: m+m",
    "scalar/order:m+": "'' is no level; expected LOOP or LOOP@1 to LOOP@9",
    "scalar/order:m@0": "'m@0' is no level",
    "scalar/order:m@10": "'m@10' is no level",
    "scalar/order:m@": "'m@' is no level",
    "scalar/order:1m": "'1m' is no level",
    "scalar/order:m n": "holds blanks",
    "scalar/order:m\n": None,  # blanks around it are dropped
    "scalar/order:m\nn": "holds blanks",
    "scalar/order:m\u2028n": "holds blanks",
    "scalar/order:m/tile:m": "tile: 'm' is not of the form NAME.VALUE",
    "scalar/order:m/tile:.4": "tile: '.4' is not of the form NAME.VALUE",
    "scalar/order:m/tile:m.0": "size of 'm' must be >= 1, got 0",
    "scalar/order:m/tile:m.-2": "tile: '-2' is no whole number",
    "scalar/order:m/tile:m.1e3": "tile: '1e3' is no whole number",
    "scalar/order:m/tile:m.99999999999999999999": "is no whole number",
    "scalar/order:m/tile:m.\u0663": "is no whole number",
    "scalar/order:m/tile:m.2+m.3": "tile names 'm' twice",
    "scalar/order:m/block:m@1.2+m@1.3": "block names 'm@1' twice",
    "scalar/order:m/layout:a.ab+a.ba": "layout names 'a' twice",
    "scalar/order:m/pack:a.ab+a.ba": "pack names 'a' twice",
    "scalar/order:m/parallel:n": "parallel level 'n' is not in the order",
    "scalar/order:m/unroll:0": "unroll must be 1 to 64",
    "scalar/order:m/unroll:65": "unroll must be 1 to 64",
    "scalar/order:m/unroll:x": "unroll: 'x' is no whole number",
    "broadcast/order:m": "scheme broadcast needs vector:LOOP.LANES",
    "pixels/order:m": "scheme pixels needs vector:LOOP.LANES",
    "broadcast/order:m/vector:m": "vector: 'm' is not of the form NAME.VALUE",
    "broadcast/order:m/vector:m.3": "vector lanes must be one of",
    "broadcast/order:m/vector:m.8+n.4": "vector: expected one LOOP.LANES, got 'm.8+n.4'",
    "scalar/order:m/fusion:S1": "fusion: 'S1' is not of the form NAME.VALUE",
    "scalar/order:m/fusion:relu.tile": "fusion: 'relu' is no statement; expected S0, S1, ...",
    "scalar/order:m/fusion:S1.k": "fusion: S1.k: the order has no such level; give one, or tile",
    "scalar/order:m/fusion:S1.tile+S1.tile": "fusion names S1 twice",
    "scalar/order:m/keep:S1": "keep: 'S1' is not of the form NAME.VALUE",
    "scalar/order:m/keep:S1.m": "keep: S1.m: S1 is attached to no level of this band",
    "scalar/order:m/fusion:S1.tile/keep:S1.root": "keep: S1.root: S1 is attached to no level",
    "scalar/order:m/fusion:S0.m/keep:S0.m": "keep: S0.m: S0 is computed at m; give a level around",
    "scalar/order:m/fusion:S0.m/keep:S0.k": "keep: S0.k: the order has no such level; give one",
    "scalar/order:m/fusion:S0.m/keep:S0.root+S0.root": "keep names S0 twice",
    "scalar/order:m/private:c.k@1": "private:c.k@1: no parallel level of that name",
    "scalar/order:m+k/parallel:k/private:c": "private: 'c' is not of the form NAME.VALUE",
    "scalar/order:k/parallel:k/private:c.k+c.k": "private names 'k' twice",
    "scalar/order:k/parallel:k/private:c.k/fusion:S1.tile": "private: fusion needs whole sums",
    "scalar/order:k/parallel:k/private:c.k/nontemporal:1": "private: nontemporal needs whole",
    "scalar/order:m/nontemporal:2": "nontemporal: must be 0 or 1, got '2'",
    "scalar/order:m/microkernel:blas": "unknown microkernel 'blas'; known: generated, product",
    "lanes/order:m": "scheme lanes needs vector:LOOP.LANES",
    "dot/order:m": "scheme dot needs vector:LOOP.LANES",
    "scalar/order:m/dots/order:m": "'dots' is no field",
    "scalar/of:1/order:m": "of: '1' is no statement; expected S0, S1, ...",
    "scalar/of:S-1/order:m": "of: 'S-1' is no statement",
    "scalar/order:m/lanes/of:S1": "names no order",
    "scalar/order:m/scalar/of:S1": None,  # a statement without loops has none
    "scalar/order:m/layout:a.ab/scalar/order:m": "layout holds for all bands, it stands in the",
    "scalar/order:m/pack:a.ab/scalar/order:m": "pack holds for all bands, it stands in the last",
}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(schedules())
def test_reads_back_exactly(schedule: Schedule) -> None:
    text = str(schedule)
    assert parse_schedule(text) == schedule
    assert str(parse_schedule(text)) == text
    assert hash(parse_schedule(text)) == hash(schedule)
    assert len(text.splitlines()) == 1
    assert not set(text) & set("(){}[],;=\"'$ \t\\")


def test_every_field_has_a_place() -> None:
    schedule = parse_schedule(FULL)
    assert str(schedule) == FULL
    assert schedule.band.vector == ("oc", 8)
    assert schedule.band.tile == (("ow", 6), ("oc", 2))
    assert schedule.layout == (("data", "aBcd16b"), ("out", "aBcd8b"))
    assert schedule.band.nontemporal
    assert schedule.band.microkernel == "product"
    assert (schedule.band.tile_of("oc"), schedule.band.tile_of("oh")) == (2, 1)
    assert (schedule.band.block_of("oc@1"), schedule.band.block_of("oc")) == (4, None)


RECORDED = (Path(__file__).parent / "recorded.txt").read_text().splitlines()


def test_recorded_lines_read_and_print_the_same() -> None:
    """Of surveys, of every kind of candidate on several machines, of paper variants."""
    assert len(set(RECORDED)) == 200
    for line in RECORDED:
        schedule = parse_schedule(line)
        assert str(schedule) == line
        assert schedule.band.of is None  # one band, of all statements


def test_a_part_without_a_colon_opens_a_band() -> None:
    line = "broadcast/vector:n.8/order:m+n+k/scalar/of:S2/order:m+n/scalar/order:m/layout:b.Ba8b"
    schedule = parse_schedule(line)
    assert str(schedule) == line
    assert [(band.scheme, band.of) for band in schedule.bands] == [
        ("broadcast", None),
        ("scalar", 2),
        ("scalar", None),
    ]
    assert schedule.layout == (("b", "Ba8b"),)


def test_the_order_of_fields_is_free() -> None:
    one = parse_schedule("scalar/order:m+n/unroll:2/tile:m.2")
    assert one == parse_schedule("scalar/tile:m.2/unroll:2/order:m+n")


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_text_is_one_clear_line(text: str) -> None:
    message = MALFORMED[text]
    if message is None:
        parse_schedule(text)
        return
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(text)
    assert str(caught.value).startswith("schedule: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.text(max_size=30) | st.text("scalarode:/+.@m1 \n\x85", max_size=30))
def test_no_text_does_anything_else(text: str) -> None:
    for whole in (text, f"scalar/order:{text}", f"{FULL}/{text}"):
        try:
            parse_schedule(whole)
        except ScheduleError as error:
            assert len(str(error).splitlines()) == 1
