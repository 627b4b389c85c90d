from __future__ import annotations

from harness.record.changes import changed_values


def test_values_that_say_what_is_measured() -> None:
    one = {"threads": 1, "strategy": {"top_k": {"k": 2}}, "tracking": {"uri": "a"}}
    other = {"threads": 2, "strategy": {"top_k": {"k": 3}, "polydl": {}}, "tracking": {"uri": "b"}}
    assert changed_values([one], [other]) == (
        ("strategy.top_k.k", "2", "3"),
        ("strategy.polydl", "none", "set"),
        ("threads", "1", "2"),
    )
    assert changed_values([one, one], [one, other])[0] == ("strategy.top_k.k", "2", "3")
    assert changed_values([one], [one, other]) == (("combinations", "1", "2"),)
    assert changed_values([one], [one]) == ()
