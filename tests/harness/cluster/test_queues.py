"""Who takes the next unit, against a search through all there are."""

from __future__ import annotations

import random
from dataclasses import replace

from harness.cluster.flight import Flight
from harness.cluster.members import Member
from harness.cluster.queues import AHEAD, Queues
from harness.cluster.site import Site
from tests.harness.campaigns import NODE
from tests.harness.cluster.simulated_fleet import many_units


def site(name: str, slots: int, cpus: int = 1) -> Site:
    one = Site(Member(name, name, cpus))
    one.start(0.0)
    one.take(replace(NODE, name=name, slots=slots), 0.0)
    return one


def test_choices_are_those_of_a_search_through_all_sites() -> None:
    rng = random.Random(5)
    sites = [site(f"s{n}", slots=rng.randrange(1, 6), cpus=rng.randrange(1, 3)) for n in range(9)]
    queues = Queues()
    for one in sites:
        queues.open(one)
    for unit in many_units(300):
        queues.add(unit)
    building, sent = dict.fromkeys(sites, 0), dict.fromkeys(sites, 0)
    preparing: list[Flight] = []
    measuring: list[Flight] = []
    ended = 0
    while ended < 300:
        while (flight := queues.begin()) is not None:
            assert flight.builder is not None
            least = min(building[s] / s.member.cpus for s in sites)
            assert building[flight.builder] / flight.builder.member.cpus == least
            building[flight.builder] += 1
            preparing.append(flight)
        if preparing and rng.random() < 0.6:
            flight = preparing.pop(rng.randrange(len(preparing)))
            assert flight.builder is not None
            building[flight.builder] -= 1
            queues.ready(flight)
        while (flight := queues.send()) is not None:
            assert flight.site is not None
            roomy = [s for s in sites if sent[s] < s.node.slots + -(-s.node.slots // 4)]
            least = min(sent[s] / s.node.slots for s in roomy)
            assert sent[flight.site] / flight.site.node.slots == least
            sent[flight.site] += 1
            measuring.append(flight)
        if measuring and rng.random() < 0.5:
            flight = measuring.pop(rng.randrange(len(measuring)))
            assert flight.site is not None
            sent[flight.site] -= 1
            queues.measuring(flight)
            queues.leave(flight)
            ended += 1
    assert len(queues) == 0 and all(queues.dependent(one) == [] for one in sites)


def test_a_kind_whose_last_site_closes_takes_nothing_until_one_opens() -> None:
    queues, one = Queues(), site("a", slots=1)
    queues.open(one)
    for unit in many_units(9):
        queues.add(unit)
    begun = [flight for flight in iter(queues.begin, None) if flight is not None]
    assert len(begun) == AHEAD
    assert queues.dependent(one) == begun
    for flight in begun:
        queues.leave(flight)
        queues.put_back(flight)
    queues.close(one)
    assert queues.begin() is None and len(queues) == 9
    queues.open(one)
    assert queues.begin() is begun[-1]  # what was put back goes first
