"""Two hundred kills of every kind, each at an instant of its own.

An interrupted run goes on where it was: the kills of one version of the code stand in a file.
"""

from __future__ import annotations

import pytest

from harness.record.journal import RUNS
from harness.resume import code_id
from tests.soak.kills import BENCHES, run

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3 * 3600)]  # 70 minutes on a loaded machine
KILLS = 200
KINDS = [pytest.param(k, marks=pytest.mark.needs("ip")) if k == "link" else k for k in BENCHES]


@pytest.mark.parametrize("kind", KINDS)
def test_kills(kind: str) -> None:
    kills = run(kind, KILLS, RUNS / "faults" / f"{code_id()}.jsonl")
    assert len(kills) == KILLS
    assert [kill for kill in kills if kill.lost or kill.doubled] == []
    assert all(kill.ok + kill.failed == kill.trials for kill in kills)
    # a child that dies is a failed record; whatever else dies costs an attempt
    assert kind == "child" or not any(kill.failed for kill in kills)
