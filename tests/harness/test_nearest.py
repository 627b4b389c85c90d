from __future__ import annotations

from harness.nearest import listed


def test_what_is_alike_stands_first() -> None:
    known = ["run", "show", "list", "strategy", "strategies"]
    assert listed("shwo", known) == f"nearest: show; known: {', '.join(known)}"
    assert listed("strategi", known).startswith("nearest: strategies, strategy; known: run, ")
    assert listed("zzz", known) == f"known: {', '.join(known)}"
    assert listed("zzz", []) == "known: none"


def test_a_name_of_megabytes_is_compared_by_its_start() -> None:
    assert listed("show" * 10**6, ["show"]) == "known: show"
