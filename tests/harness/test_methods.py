from __future__ import annotations

from harness.baseline.builders import known_builders
from harness.methods import BASELINES, STRATEGIES, TWIN, method_names
from harness.strategy.known import known_strategies


def test_every_name_leads_to_what_it_says() -> None:
    assert known_strategies().keys() == STRATEGIES.keys() == set(method_names("strategy"))
    assert known_builders().keys() == BASELINES.keys() == set(method_names("baseline")) - {TWIN}
    assert method_names("primitive") == ()
