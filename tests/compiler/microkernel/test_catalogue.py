"""Forms as data: what each row demands, and that every scheme of a schedule has one."""

from __future__ import annotations

import pytest

from compiler.microkernel.catalogue import CATALOGUE, SCHEMES
from compiler.microkernel.signature import Signature


@pytest.mark.parametrize("name", CATALOGUE)
def test_vectors_are_contiguous_and_serve_all_points(name: str) -> None:
    form = CATALOGUE[name]
    assert form.name == name
    assert [form.vectors(x) for x in ("out", "left", "right")] == [True, False, True]
    assert [form.differs(x) for x in ("out", "left", "right")] == [True, True, False]


def test_only_a_products_sums_are_in_memory() -> None:
    assert set(SCHEMES) < set(CATALOGUE)
    assert [form.name for form in CATALOGUE.values() if form.memory] == ["product"]


def test_a_signature_is_read_from_its_index_notation() -> None:
    lanes = Signature("lanes", "out[p,v] = f(out[p,v], x[p,v], y[v])")
    assert [lanes.vectors(name) for name in "xy"] == [True, True]
    assert [lanes.differs(name) for name in "xy"] == [True, False]
    with pytest.raises(AssertionError, match="lanes has no operand z"):
        lanes.vectors("z")
