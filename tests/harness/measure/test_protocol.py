"""The report tier's plan and stop rule, on replayed contenders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.failure import Failure
from harness.measure.budget import QUICK, MeasureSettings
from harness.measure.protocol import ReportRun, report_tier
from harness.measure.statistics import block_ratios, speedup, table
from tests.harness.measure.replay import Stage

NAMES = ["ours", "theirs", "other"]
PAIRS = [("ours", "theirs"), ("other", "theirs")]


def run(stage: Stage, settings: MeasureSettings = QUICK, pausing: bool = False) -> ReportRun:
    return report_tier(NAMES, PAIRS, stage.start, settings, 1, pausing, stage.clock)


def steady(name: str, process: int, burst: int) -> float:
    return {"ours": 1e-3, "theirs": 2e-3, "other": 1e-3}[name]


def test_steady_contenders_stop_at_the_least_number_of_blocks() -> None:
    stage = Stage(steady)
    found = run(stage)
    assert found.stop == "half-width"
    assert (found.processes, found.blocks) == (3, 15)
    assert len(found.samples) == 15 * 3 * 2 * 2
    assert not stage.open


def test_a_block_is_a_permutation_and_its_mirror() -> None:
    stage = Stage(steady)
    found = run(stage)
    orders = set()
    for process in range(3):
        for block in range(5):
            held = [s for s in found.samples if (s.process, s.block) == (process, block)]
            by_position = sorted({(s.position, s.contender) for s in held})
            order = tuple(name for _, name in by_position)
            assert sorted(order[:3]) == sorted(NAMES)
            assert order[3:] == order[:3][::-1]
            orders.add(order)
    assert len(orders) > 1  # the permutation is random


def noisy(name: str, process: int, burst: int) -> float:
    return 1e-3 * float(np.exp(0.2 * np.sin(1000 * burst + 100 * process + len(name))))


def test_noise_goes_on_to_more_processes_until_the_budget_is_spent() -> None:
    stage = Stage(noisy)
    found = run(stage, replace(QUICK, budget_seconds=10.0))
    assert found.stop == "budget"
    assert found.processes == QUICK.max_processes
    assert stage.now >= 10.0
    assert stage.now - 10.0 < 6 * stage.burst_seconds  # not a block longer
    assert not stage.open


def test_one_noisy_pair_keeps_all_of_them_going() -> None:
    def one_is_noisy(name: str, process: int, burst: int) -> float:
        return (noisy if name == "other" else steady)(name, process, burst)

    found = run(Stage(one_is_noisy), replace(QUICK, budget_seconds=10.0))
    assert found.stop == "budget"


def test_never_stops_before_the_least_number_of_blocks() -> None:
    stage = Stage(noisy, burst_seconds=100.0)
    found = run(stage)
    assert found.stop == "budget"
    assert (found.processes, found.blocks) == (3, 15)


def test_cold_mode_takes_enough_samples() -> None:
    settings = replace(QUICK, cache="cold", min_blocks=1, cold_samples=30)
    found = run(Stage(steady), settings)
    assert np.isfinite(table(found.samples, "ours")).sum() >= 30


def test_a_contender_that_fails_leaves_the_others_alone() -> None:
    def seconds(name: str, process: int, burst: int) -> float | Failure:
        if name == "other" and (process, burst) == (1, 3):
            return Failure("measure", "SIGSEGV")
        return steady(name, process, burst)

    stage = Stage(seconds)
    found = run(stage)
    assert dict(found.failures) == {"other": Failure("measure", "SIGSEGV")}
    assert found.stop == "half-width"
    assert stage.rounds[-1] == ("ours", "theirs")
    assert not stage.open


def test_a_contender_that_does_not_start_is_never_timed() -> None:
    wrong = Failure("verify", "wrong")
    stage = Stage(lambda name, process, burst: wrong if name == "ours" else 1e-3)
    found = run(stage)
    assert found.failures["ours"] == wrong
    assert "ours" not in {name for name, _ in stage.bursts}


def test_all_fail() -> None:
    found = run(Stage(lambda name, process, burst: Failure("verify", "wrong")))
    assert found.stop == "nothing left" and len(found.failures) == 3 and not found.samples


def test_with_threads_exactly_one_is_awake() -> None:
    stage = Stage(steady)
    run(stage, pausing=True)
    assert stage.most_awake == 1


def test_children_are_closed_when_the_protocol_is_interrupted() -> None:
    def interrupted(name: str, process: int, burst: int) -> float:
        if burst == 2:
            raise KeyboardInterrupt
        return 1e-3

    stage = Stage(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(stage)
    assert not stage.open


def test_the_same_kernel_twice_is_never_faster_or_slower() -> None:
    """A/A: slow drift, unlike processes, single disturbed bursts; only the label differs."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        placement = rng.normal(1, 0.05, size=8)
        stage = Stage(lambda name, process, burst: 0.0)

        def seconds(
            name: str,
            process: int,
            burst: int,
            rng: np.random.Generator = rng,
            placement: np.ndarray[tuple[int], np.dtype[np.float64]] = placement,
            stage: Stage = stage,
        ) -> float:
            drift = 1 + 0.05 * np.sin(stage.now / 3)
            burst_noise = rng.normal(1, 0.004) + (0.5 if rng.random() < 0.03 else 0)
            return float(1e-3 * placement[process] * drift * burst_noise)

        stage.seconds_of = seconds
        found = run(stage)
        ratios = block_ratios(table(found.samples, "theirs"), table(found.samples, "ours"))
        assert speedup(ratios).verdict in ("same", "inconclusive")
