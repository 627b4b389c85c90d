"""Forms as data: what each row demands, and that every scheme of a schedule has one."""

from __future__ import annotations

import pytest

from compiler.microkernel.catalogue import CATALOGUE, LIBRARIES, VECTOR_SCHEMES


@pytest.mark.parametrize("name", [name for name, form in CATALOGUE.items() if form.sums])
def test_vectors_are_contiguous_and_serve_all_points(name: str) -> None:
    form = CATALOGUE[name]
    assert form.name == name
    assert [form.vectors(x) for x in ("out", "left", "right")] == [True, False, True]
    assert [form.differs(x) for x in ("out", "left", "right")] == [True, True, False]


def test_only_a_products_sums_are_in_memory() -> None:
    assert set(VECTOR_SCHEMES) < set(CATALOGUE)
    assert [form.name for form in CATALOGUE.values() if form.memory] == ["product", *LIBRARIES]


def test_lanes_lie_across_the_reduction_of_a_dot_product_alone() -> None:
    assert [form.name for form in CATALOGUE.values() if form.across] == ["dot"]
    dot = CATALOGUE["dot"]
    assert not dot.sums and not dot.memory
    assert [dot.vectors(name) for name in ("out", *"xyz")] == [False, True, True, False]
    assert [dot.differs(name) for name in ("out", *"xyz")] == [True, True, False, True]


def test_a_signature_is_read_from_its_index_notation() -> None:
    lanes = CATALOGUE["lanes"]
    assert not lanes.sums and not lanes.memory
    assert [lanes.vectors(name) for name in "xyz"] == [True, True, False]
    assert [lanes.differs(name) for name in "xyz"] == [True, False, True]
    with pytest.raises(AssertionError, match="lanes has no operand w"):
        lanes.vectors("w")
