"""What the pool decides, on replayed machines: who gets which unit, and when, whatever goes."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from ray.exceptions import ObjectLostError, RayTaskError, WorkerCrashedError

from harness.choices import ArchitectureChoice
from harness.cluster.node import AnotherMachine
from harness.cluster.patience import measure_limit, prepare_limit
from harness.cluster.queues import AHEAD
from harness.errors import EnvironmentProblem, SettingsError
from harness.kernel.toolchain import SCRATCH
from harness.scratch import PREFIX
from harness.settings import load_settings
from harness.unit import Unit
from tests.harness.cluster.faults import tiny_units
from tests.harness.cluster.replayed_ray import Machine, Replay, replay

OTHER = "e" * 16
Start = Callable[..., Replay]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    return partial(replay, monkeypatch, tmp_path)


def failed_task(cause: BaseException) -> RayTaskError:
    return RayTaskError("task", "a traceback", cause)


def once(error: BaseException) -> Callable[[Unit], BaseException | None]:
    """For the first unit that comes, and no other."""
    errors = [error]
    return lambda unit: errors.pop() if errors else None


def check_ok(replayed: Replay, units: list[Unit]) -> Counter[str]:
    """Every unit is measured, and where."""
    outcomes = replayed.answers(units)
    results = [result for outcome in outcomes.values() for result in outcome.results]
    assert {result.status for result in results} == {"ok"}
    return Counter(result.node for result in results)


def test_units_are_spread_by_slots_and_none_waits_in_a_full_house(start: Start) -> None:
    small, large = Machine("small"), Machine("large", slots=4, cpus=4)
    run = start(small, large)
    where = check_ok(run, tiny_units(20))
    assert 2 <= where["small"] <= 6 and where["large"] >= 14
    assert small.most_sent == 2 and large.most_sent == 5  # a quarter more than the slots
    assert len(small.built) < len(large.built)  # by their processors
    assert AHEAD < run.ray.most_ahead <= 10  # twice the slots


def test_what_is_ready_goes_where_the_least_is(start: Start) -> None:
    one, other = (Machine(name, slots=4, cpus=4, measures=9.0) for name in ("one", "other"))
    assert check_ok(start(one, other), tiny_units(6)) == {"one": 3, "other": 3}


def test_little_is_prepared_ahead_of_one_slot(start: Start) -> None:
    run = start(Machine("a", cpus=16))
    check_ok(run, tiny_units(12))
    assert run.ray.most_ahead == AHEAD


def test_kinds_of_nodes_share_the_load_and_keep_what_is_compiled_for_them(start: Start) -> None:
    one, other = Machine("one"), Machine("other", kind=OTHER)
    run = start(one, other)
    where = check_ok(run, tiny_units(8))
    assert where == {"one": 4, "other": 4}
    assert sorted(one.built) == sorted(one.sent) and sorted(other.built) == sorted(other.sent)


def test_a_unit_is_followed_by_its_onlooker(start: Start) -> None:
    run = start(Machine("a", measures=5.0))
    units = tiny_units(2)
    check_ok(run, units)
    steps = [[(e.step, e.note) for e in run.events if e.unit.key == unit.key] for unit in units]
    begun = [("preparing", ""), ("prepared", ""), ("measuring", "")]
    queued = [*begun[:2], ("waiting", "a free slot"), begun[2]]
    assert sorted(steps) == sorted([begun, queued])


def test_a_silent_node_is_left_and_its_late_answer_dropped(start: Start) -> None:
    quiet, other = Machine("quiet", measures=30.0), Machine("other", measures=30.0)
    run = start(quiet, other, options=["cluster.silent_seconds=5"])
    run.ray.at(5.0, lambda: setattr(quiet, "silent", True))
    units = tiny_units(3)
    where = check_ok(run, units)
    assert where == {"other": 3}
    assert quiet.sent  # and measured elsewhere under the next attempt
    again = [event.unit for event in run.events if event.unit.attempt == 2]
    assert {unit.key for unit in again} == set(quiet.sent)
    assert 10.0 < run.ray.now < 200.0


def test_a_unit_whose_agent_dies_goes_elsewhere(start: Start) -> None:
    dying, other = Machine("dying", measures=10.0), Machine("other", slots=4, measures=10.0)
    run = start(dying, other)
    run.ray.at(6.0, lambda: run.ray.agents["dying"].die("killed"))
    outcomes = run.answers(tiny_units(4))
    assert all(r.status == "ok" for o in outcomes.values() for r in o.results)
    assert dying.agents > 1  # it was taken in again, after a rest
    lost = [event.unit for event in run.events if event.unit.attempt == 2]
    assert lost and all(unit.key in dying.sent for unit in lost)
    assert {e.node for e in run.events if e.unit in lost and e.step == "prepared"} == {"other"}


def test_a_node_gone_while_a_unit_is_shipped_costs_an_attempt(start: Start) -> None:
    """What was compiled lay on the node that went: Ray has no copy of it."""
    gone, other = Machine("gone"), Machine("other")
    error = failed_task(ObjectLostError("00" * 28, None, ""))
    other.measure_error = once(error)
    run = start(gone, other)
    run.ray.at(1.2, lambda: setattr(gone, "listed", False))
    where = check_ok(run, tiny_units(3))
    assert set(where) <= {"gone", "other"}
    assert any(event.unit.attempt == 2 for event in run.events)


def test_after_its_last_attempt_a_unit_is_given_up_with_its_history(start: Start) -> None:
    full = Machine("full", measure_error=lambda unit: failed_task(OSError(28, "disk full")))
    run = start(full, options=["cluster.attempts=2"])
    (unit,) = tiny_units(1)
    (outcome,) = run.answers([unit]).values()
    (result,) = outcome.results
    assert (result.status, result.stage, result.attempt) == ("failed", "measure", 2)
    told = "attempt 1 on full: [Errno 28] disk full; attempt 2 on full: [Errno 28] disk full"
    assert result.reason == f"gave up after 2 attempts: {told}"
    assert result.node == "full"
    assert len(full.sent) == 2


@pytest.mark.parametrize(("stage", "where"), [("compile", "prepare"), ("measure", "measure")])
def test_what_the_unit_itself_raises_is_its_failure(start: Start, stage: str, where: str) -> None:
    machine = Machine("a")
    setattr(machine, f"{where}_error", once(failed_task(ValueError("not so"))))
    outcomes = start(machine).answers(tiny_units(2))
    (failed,) = (r for o in outcomes.values() for r in o.results if r.status == "failed")
    assert (failed.stage, failed.reason, failed.attempt) == (stage, "not so", 1)
    assert failed.node == "a"


def test_a_worker_that_crashes_while_it_prepares_costs_an_attempt(start: Start) -> None:
    machine = Machine("a", prepare_error=once(WorkerCrashedError()))
    run = start(machine)
    check_ok(run, tiny_units(1))
    assert len(machine.built) == 2 and machine.agents == 1
    assert run.ray.now < 10.0  # at once


def test_what_takes_longer_than_its_limit_is_ended(start: Start) -> None:
    (unit,) = tiny_units(1)
    slow = Machine("slow", prepares=prepare_limit(unit) + 50)
    run = start(slow)
    run.ray.at(prepare_limit(unit) - 1, lambda: setattr(slow, "prepares", 1.0))
    check_ok(run, [unit])
    assert run.ray.cancelled == 1 and slow.agents == 1
    given_up = start(
        Machine("slow", prepares=prepare_limit(unit) + 50), options=["cluster.attempts=1"]
    )
    (outcome,) = given_up.answers([unit]).values()
    assert "on slow: preparing for more than" in str(outcome.results[0].reason)
    hanging = Machine("hanging", measures=measure_limit(unit) + 50)
    run = start(hanging)
    run.ray.at(measure_limit(unit) - 1, lambda: setattr(hanging, "measures", 1.0))
    check_ok(run, [unit])
    assert hanging.agents == 2  # a thread of an agent ends with it alone
    assert run.ray.now > measure_limit(unit)


def test_no_limit_runs_while_a_unit_waits_for_a_slot(start: Start) -> None:
    """Two on one slot, each just within its limit."""
    units = tiny_units(2)
    busy = Machine("busy", measures=min(map(measure_limit, units)) - 5)
    run = start(busy)
    check_ok(run, units)
    assert busy.agents == 1 and all(event.unit.attempt == 1 for event in run.events)


def test_an_agent_that_never_reports_a_unit_is_left(start: Start) -> None:
    deaf = Machine("deaf", measures=900.0)
    run = start(deaf, Machine("other"))
    run.ray.agents["deaf"]._doing = dict  # type: ignore[method-assign]
    assert check_ok(run, tiny_units(2)) == {"other": 2}
    assert run.ray.now < 900.0


def test_nodes_come_and_go(start: Start) -> None:
    first, late = Machine("first"), Machine("late", listed=False)
    run = start(first, late)
    run.ray.at(4.0, lambda: setattr(late, "listed", True))
    run.ray.at(12.0, lambda: setattr(first, "listed", False))
    where = check_ok(run, tiny_units(12))
    assert where["first"] >= 2 and where["late"] >= 4
    assert [node.name for node in run.pool.nodes()] == ["late"]


def test_what_was_compiled_for_a_kind_that_has_gone_is_compiled_again(start: Start) -> None:
    one, other = Machine("one", measures=20.0), Machine("other", kind=OTHER, measures=20.0)
    run = start(one, other)
    run.ray.at(10.0, lambda: setattr(one, "listed", False))
    assert check_ok(run, tiny_units(4)) == {"other": 4}


def test_without_a_node_all_that_is_left_fails(start: Start) -> None:
    machine = Machine("a", measures=5.0)
    run = start(machine, options=["cluster.without_nodes_seconds=40"])
    run.ray.at(9.0, lambda: setattr(machine, "listed", False))
    outcomes = run.answers(tiny_units(4))
    results = [result for outcome in outcomes.values() for result in outcome.results]
    assert Counter(result.status for result in results) == {"ok": 1, "failed": 3}
    for result in results:
        if result.status == "failed":
            assert result.reason is not None
            assert result.reason.endswith("no node was left for 40 s") and result.node == "a"
    assert 49.0 < run.ray.now < 60.0


def test_a_core_less_and_a_core_more(start: Start) -> None:
    machine = Machine("a", slots=4)
    run = start(machine)
    run.ray.at(1.0, lambda: setattr(machine, "slots", 1))
    check_ok(run, tiny_units(8))
    assert run.pool.nodes()[0].slots == 1

    def change(slots: int, refuses: SettingsError | None) -> None:
        machine.slots, machine.refuses = slots, refuses

    run.ray.at(run.ray.now + 1.0, lambda: change(0, SettingsError("threads must be ...")))
    run.ray.at(run.ray.now + 20.0, lambda: change(2, None))
    check_ok(run, tiny_units(8))
    assert machine.agents > 1  # one that has no core left is tried again later


def test_a_label_that_is_wrong_ends_no_campaign(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(Machine("a", measures=9.0))

    def refuse(choice: object) -> None:
        raise SettingsError("a label is no list")

    monkeypatch.setattr("harness.cluster.ray_fabric.members", refuse)
    check_ok(run, tiny_units(2))
    assert caplog.text.count("a label is no list") == 1


def test_nodes_that_cannot_be_used_are_refused_at_once(start: Start) -> None:
    choice: ArchitectureChoice = load_settings(["primitive=matmul"])[0].architecture
    no = [Machine(n, refuses=AnotherMachine(choice, f"{n}: abacus")) for n in ("a", "b")]
    with pytest.raises(SettingsError, match="nodes found: a: abacus; b: abacus"):
        start(*no)
    run = start(no[0], Machine("c"))
    assert [node.name for node in run.pool.nodes()] == ["c"]
    with pytest.raises(EnvironmentProblem, match="no node that is alive"):
        start(Machine("d", listed=False))
    with pytest.raises(EnvironmentProblem, match="the agent of e does not answer"):
        start(Machine("e", silent=True))


def test_a_baseline_is_installed_where_every_node_has_it(start: Start) -> None:
    one, other = Machine("one", has=("onednn", "blas")), Machine("other", has=("onednn",))
    run = start(one, other)
    (unit,) = tiny_units(1)
    contender = replace(unit.strategies[0], kind="baseline", method="x")
    asked = [replace(contender, name=name) for name in ("onednn", "blas", "libxsmm")]
    assert [c.name for c in run.pool.installed(asked)] == ["onednn"]
    run.ray.agents["other"].die("killed")
    assert [c.name for c in run.pool.installed(asked)] == ["onednn", "blas"]
    run.ray.agents["one"].die("killed")
    assert run.pool.installed(asked) == ()


def test_closing_ends_agents_and_forgets_units(start: Start, tmp_path: Path) -> None:
    run = start(Machine("a"), Machine("b"))
    left = tmp_path / SCRATCH / f"{PREFIX}.{socket.gethostname()}.killed"
    left.mkdir(parents=True)
    for unit in tiny_units(3 * AHEAD):
        run.pool.submit(unit)
    next(run.pool.outcomes())
    run.pool.close()
    run.pool.close()
    assert not any(agent.alive for agent in run.ray.agents.values())
    assert run.ray.downs == 2 and not left.exists()
    assert run.pool.nodes() == () and list(run.pool.outcomes()) == []
