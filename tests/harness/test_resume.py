from __future__ import annotations

from harness.measure.host import versions
from harness.record.rows import StartRow
from harness.resume import (
    changed_code,
    changed_configuration,
    changed_nodes,
    code_id,
    in_short,
    start_now,
)

START = start_now(["run"], "2026-01-02T03:04:05+00:00", {"aa": "gcc 12"})


def test_nothing_has_changed() -> None:
    assert changed_code([START]) == changed_nodes([START], {"aa": "gcc 12"}) == []
    assert changed_code([]) == changed_nodes([], {"bb": "gcc 13"}) == []
    assert changed_configuration([], [{"seed": 1}]) == []
    assert len(code_id()) == 16


def test_code_and_versions_are_compared_with_the_last_start() -> None:
    python = versions()["python"]
    other: StartRow = {
        **START,
        "code": "0" * 16,
        "git_commit": "abc",
        "versions": {"python": "3.0", "z": "1"},
    }
    told = changed_code([START, other])
    assert told[0] == f"code: abc -> {START['git_commit']}"
    assert f"python: 3.0 -> {python}" in told and "z: 1 -> none" in told
    assert changed_code([other, START]) == []
    (same_commit,) = changed_code([{**START, "code": "0" * 16}])
    assert same_commit == f"code: {'0' * 16} -> {code_id()}"


def test_nodes_of_any_start_are_known() -> None:
    later: StartRow = {**START, "nodes": {"bb": "gcc 13"}}
    assert changed_nodes([START, later], {"aa": "gcc 12", "bb": "gcc 13"}) == []
    assert changed_nodes([START, later], {"cc": "gcc 12"}) == ["host: aa, bb -> cc"]
    assert changed_nodes([START, later], {"aa": "gcc 14"}) == ["C compiler: gcc 12 -> gcc 14"]


def test_values_that_say_what_is_measured() -> None:
    one = {"threads": 1, "strategy": {"top_k": {"k": 2}}, "tracking": {"uri": "a"}}
    other = {"threads": 2, "strategy": {"top_k": {"k": 3}, "polydl": {}}, "tracking": {"uri": "b"}}
    assert changed_configuration([one], [other]) == [
        "strategy.top_k.k: 2 -> 3",
        "strategy.polydl: none -> set",
        "threads: 1 -> 2",
    ]
    assert changed_configuration([one, one], [one, other])[0] == "strategy.top_k.k: 2 -> 3"
    assert changed_configuration([one], [one, other]) == ["combinations: 1 -> 2"]


def test_many_changes_are_counted() -> None:
    assert in_short(["a", "b"]) == "a; b"
    assert in_short(list("abcdef")) == "a; b; c; d; and 2 more"
