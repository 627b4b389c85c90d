from __future__ import annotations

import random

from harness.cluster.alarms import Alarms


def test_each_name_is_due_once_at_its_last_time() -> None:
    alarms = Alarms()
    alarms.set("a", 3.0)
    alarms.set("b", 1.0)
    alarms.set("c", 2.0)
    alarms.set("a", 5.0)  # put off
    alarms.set("c", 0.5)  # moved forward
    alarms.clear("b")
    assert alarms.due(0.4) == []
    assert alarms.due(4.0) == ["c"]
    assert alarms.due(9.0) == ["a"]
    assert alarms.due(99.0) == []


def test_as_a_search_through_all_would_have_it() -> None:
    rng, alarms, times = random.Random(0), Alarms(), dict[str, float]()
    now = 0.0
    for _ in range(3000):
        name = str(rng.randrange(40))
        if rng.random() < 0.2:
            alarms.clear(name)
            times.pop(name, None)
        else:
            times[name] = now + rng.uniform(0, 10)
            alarms.set(name, times[name])
        now += rng.uniform(0, 0.2)
        due = sorted((when, name) for name, when in times.items() if when <= now)
        assert alarms.due(now) == [name for _, name in due]
        for _, name in due:
            del times[name]
