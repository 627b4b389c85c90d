"""What an agent does with slots, with cores that go, and with what its driver asks; without Ray."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from harness.choices import ArchitectureChoice
from harness.cluster import slots
from harness.cluster.agent import Agent, CoreLost
from harness.cluster.node import Share
from harness.cluster.pool import QUEUED, Node
from harness.cluster.topology import Core, Topology
from harness.cluster.work import Work
from harness.kernel.toolchain import Toolchain
from harness.measure.slot import Slot
from harness.trial import PreparedUnit, UnitOutcome
from tests.harness.campaigns import NODE
from tests.harness.cluster.faults import tiny_units, wait_for

ABSENT = 4000  # the first of some cores that no test machine has


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No locks of absent cores among the host's."""
    monkeypatch.setattr(slots, "RUN_LOCK", tmp_path)


def share(cores: int) -> Share:
    return Share(Topology(tuple(Core((ABSENT + i,)) for i in range(cores))), (0,))


def describe(*told: object) -> Node:
    return NODE


def described(work: Work, cache: Path) -> Agent:
    """An agent on three absent cores, of which two measure."""
    agent = Agent(work, share(3), "core", None)
    assert (
        agent.describe("here", 1, ArchitectureChoice("host", None, {}, {}), "tests", cache) == NODE
    )
    return agent


def prepared() -> PreparedUnit:
    (unit,) = tiny_units(1)
    return PreparedUnit(unit, NODE.architecture, ())


def test_a_unit_is_not_measured_where_its_core_went_off_line(tmp_path: Path) -> None:
    measured: list[Slot] = []

    def measure(unit: PreparedUnit, slot: Slot, toolchain: Toolchain) -> UnitOutcome:
        measured.append(slot)
        return UnitOutcome(())

    agent = described(Work(measure=measure, describe=describe), tmp_path)
    ready = prepared()
    assert agent.beat().slots == 2
    for left in (1, 0):
        with pytest.raises(CoreLost, match=r"core 400\d went off-line"):
            agent.measure(ready, ready.unit)
        assert agent.beat().slots == left
    with pytest.raises(CoreLost, match="no slot is left"):
        agent.measure(ready, ready.unit)
    assert not measured
    assert not agent.beat().doing


def test_units_share_no_slot_and_say_what_they_wait_for(tmp_path: Path) -> None:
    together, held = Barrier(3), []

    def measure(unit: PreparedUnit, slot: Slot, toolchain: Toolchain) -> UnitOutcome:
        held.append(slot.cores)
        together.wait(30)  # both slots are busy
        together.wait(30)
        return UnitOutcome(())

    agent = described(Work(measure=measure, describe=describe, runnable=set), tmp_path)
    units = tiny_units(4)
    with ThreadPoolExecutor(4) as threads:
        for unit in units:
            threads.submit(agent.measure, PreparedUnit(unit, NODE.architecture, ()), unit)
        for _ in range(2):
            together.wait(30)
            wait_for(lambda: agent.beat().doing != {} and len(held) % 2 == 0)
            doing = agent.beat().doing
            assert sorted(doing.values())[:2] == ["", ""]
            assert set(doing.values()) <= {"", QUEUED}
            together.wait(30)
    assert sorted(held) == [(ABSENT + 1,), (ABSENT + 1,), (ABSENT + 2,), (ABSENT + 2,)]
    assert not agent.beat().doing
