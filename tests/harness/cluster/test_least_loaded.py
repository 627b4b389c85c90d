from __future__ import annotations

import random

from harness.cluster.least_loaded import LeastLoaded


def test_of_equal_loads_the_first_that_came() -> None:
    held = LeastLoaded()
    assert held.least() is None
    for name in "bac":
        held.set(name, 1.0)
    assert held.least() == "b" and held.least(but="b") == "a"
    held.set("c", 0.5)
    assert held.least() == "c" and held.least(but="c") == "b" and held.least(but="a") == "c"
    held.discard("b")
    held.discard("a")
    assert held.least(but="c") == "c"  # nobody else is


def test_as_a_search_through_all_would_have_it() -> None:
    rng, held, loads = random.Random(0), LeastLoaded(), dict[str, int]()
    for _ in range(5000):
        name = str(rng.randrange(12))
        if rng.random() < 0.2:
            held.discard(name)
            loads.pop(name, None)
        else:
            loads[name] = rng.randrange(5)
            held.set(name, loads[name])
        assert held.least() == min(loads, key=loads.__getitem__, default=None)
        but = str(rng.randrange(12))
        others = {other: load for other, load in loads.items() if other != but} or loads
        assert held.least(but) == min(others, key=others.__getitem__, default=None)
