"""What is named together belongs together."""

from __future__ import annotations

from compiler.lower.ties import ties


def test_a_later_name_joins_what_was_apart() -> None:
    found = ties([{"a"}, {"b"}, {"c", "d"}, (), {"a", "c"}])
    assert set(found) == {frozenset("acd"), frozenset("b")} and len(found) == 2


def test_nothing_is_tied_where_nothing_is_named() -> None:
    assert ties([]) == [] and ties([(), ()]) == []
