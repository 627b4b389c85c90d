from __future__ import annotations

from dataclasses import replace

from harness.cluster.members import Member
from harness.cluster.patience import Patience
from harness.cluster.site import Site
from tests.harness.campaigns import NODE

PATIENCE = Patience()


def test_a_site_through_its_states() -> None:
    site = Site(Member("a", "a", 1))
    site.start(10.0)
    assert (site.state, site.agent) == ("starting", 1)
    assert site.due(PATIENCE, 1) == 10.0 + PATIENCE.describe
    site.take(NODE, 12.0)
    assert site.open and site.due(PATIENCE, 1) == 12.0 + PATIENCE.beat
    site.ask(13.0)
    assert site.due(PATIENCE, 1) == 13.0 + PATIENCE.silent
    site.hear(5, 13.2)
    assert site.node == replace(NODE, slots=5)
    assert site.due(PATIENCE, 1) == 13.0 + PATIENCE.beat


def test_every_further_rest_is_twice_as_long_up_to_a_limit() -> None:
    site = Site(Member("a", "a", 1))
    rests = []
    for _ in range(2000):
        site.start(0.0)
        rests.append(site.rest("killed", 0.0, PATIENCE))
    assert rests[:8] == [1, 2, 4, 8, 16, 32, 60, 60] and rests[-1] == PATIENCE.longest_rest
    assert (site.lost, site.due(PATIENCE, 1)) == ("killed", 60.0)
