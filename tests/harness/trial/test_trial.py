"""One unit through both stages, with the real compiler, on a problem of a few microseconds."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest

from compiler.pipeline import ranked_schedules
from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from harness.measure.budget import QUICK
from harness.measure.host import fingerprint
from harness.measure.slot import Slot
from harness.strategy.known import strategy_named
from harness.strategy.strategy import Timed
from harness.trial import PreparedUnit, installed_here, measure_unit, prepare_unit
from harness.unit import Contender, Problem, Unit
from tests.harness import matmul_kernels as kernels
from tests.harness.scratch import check_nothing_left_behind

FAST = replace(
    QUICK,
    processes=1,
    max_processes=1,
    min_blocks=2,
    budget_seconds=0.01,
    sample_seconds=1e-4,
    settle_seconds=1e-4,
    search_sample_seconds=1e-4,
    search_give_up=1e6,  # a call of microseconds that is interrupted is slower than any other
    time_limit=20.0,
)
SLOT = Slot((max(os.sched_getaffinity(0)),), quality="shared")
ROOFLINE = Contender("roofline", "strategy", "roofline")
TOP = Contender("top3", "strategy", "top_k", {"k": 3})
ABSENT = Contender("absent", "baseline", "onednn", {"path": "/nonexistent"})


def host() -> Architecture:
    unit = vector_facts()
    return Architecture(
        "host",
        unit.isa,
        unit.bytes,
        unit.registers,
        embedded_broadcast=unit.embedded_broadcast,
        caches=(CacheLevel("L1", 32 << 10, bandwidth=100), CacheLevel("L2", 1 << 20, bandwidth=50)),
        peak=50.0,
        memory_bandwidth=10.0,
    )


def unit_of(*strategies: Contender, baselines: tuple[Contender, ...] = ()) -> Unit:
    problem = Problem("small", kernels.SPEC, primitive_from(kernels.SPEC))
    return Unit(problem, strategies, baselines, "host", 1, FAST, seed=5, campaign="test")


@pytest.fixture(scope="module")
def prepared(toolchain: Toolchain) -> PreparedUnit:
    unit = unit_of(ROOFLINE, TOP, baselines=(ABSENT,))
    return prepare_unit(unit, host(), toolchain)


def test_a_unit_becomes_records(prepared: PreparedUnit, toolchain: Toolchain) -> None:
    travelled: PreparedUnit = pickle.loads(pickle.dumps(prepared))
    began = time.perf_counter()
    outcome = measure_unit(travelled, SLOT, toolchain)
    took = time.perf_counter() - began
    roofline, top, absent = outcome.results
    assert (roofline.status, top.status, absent.status) == ("ok", "ok", "skipped")
    for result in (roofline, top):
        assert result.seconds is not None and result.gflops is not None
        assert result.gflops == pytest.approx(
            prepared.unit.problem.primitive.flops / result.seconds.median / 1e9
        )
        assert result.max_error is not None and result.tolerance is not None
        assert 0 < result.max_error <= result.tolerance
        assert result.trial == prepared.unit.trial(
            next(c for c in prepared.unit.contenders if c.name == result.contender), fingerprint()
        )
        assert result.schedule and result.kernel and result.layouts
        assert result.kernel in outcome.kernels
        assert result.cores == SLOT.cores and result.quality == "shared" and result.seed == 5
        assert result.stop in ("half-width", "budget")
        assert result.roofline is not None and result.of_roofline == pytest.approx(
            result.roofline.seconds / result.seconds.median
        )
        assert result.estimate is not None and result.estimate.bound in ("compute", "overhead")
        assert result.predicted_seconds == pytest.approx(result.estimate.seconds)
        assert result.predicted_ratio == pytest.approx(
            result.estimate.seconds / result.seconds.median
        )
        assert result.ranked is not None and 1 <= (result.rank or 0) <= result.ranked
        assert [one.samples for one in result.processes] == [2 * 2 * 2]
        assert result.host["architecture"] == asdict(host())
        assert result.host["peak_gflops"] == 50.0 and "compiler" in result.versions
        held = {cache.name: cache.bytes for cache in host().caches}
        assert held and result.host["analysed_caches"] == held
        rows = outcome.samples[result.trial]
        assert len(rows) == result.seconds.samples == 2 * 2 * 2
        assert {"process", "block", "position", "seconds", "calls", "flags"} == set(rows[0])
    assert roofline.rank == 1
    assert took > top.tuning_seconds.measure > 0 == roofline.tuning_seconds.measure
    rows = outcome.candidates[top.trial]
    assert len(rows) == 3 and all(row["measured"] for row in rows)
    assert all(row["retimed"] for row in rows)  # the final of a real child
    assert top.schedule in {row["schedule"] for row in rows}
    assert absent.reason is not None and "install" in absent.reason
    assert absent.seconds is None and absent.stage is None
    check_nothing_left_behind(toolchain.scratch)


def test_a_survey_measures_the_first_of_each_ranking_and_random_others(
    toolchain: Toolchain,
) -> None:
    options = {"k": 6, "best": 2, "rankings": ["roofline"], "space": "full"}
    unit = unit_of(Contender("survey", "strategy", "survey", options))
    outcome = measure_unit(prepare_unit(unit, host(), toolchain), SLOT, toolchain)
    (result,) = outcome.results
    rows = outcome.candidates[result.trial]
    assert result.status == "ok" and result.schedule in {row["schedule"] for row in rows}
    assert len(rows) == 6 and all(row["measured"] for row in rows)
    ranked = ranked_schedules(unit.problem.primitive, host())
    place = {str(one.schedule): one.place for one in ranked}
    assert {str(one.schedule) for one in ranked[:2]} <= {row["schedule"] for row in rows}
    for row in rows:
        places = row["places"]
        assert isinstance(places, dict)
        assert places["roofline"] == place[str(row["schedule"])] and places["drawn"] <= len(ranked)
        assert row["candidates"] == len(ranked) > 6
    again = outcome.again[result.trial]
    assert len(again) > 1 and {row["schedule"] for row in again} <= {r["schedule"] for r in rows}
    assert [row["share"] for row in again].count(1.0) >= 1


def test_a_strategy_that_fails_after_its_search_loses_nothing(
    prepared: PreparedUnit,
    toolchain: Toolchain,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(options: object, timed: Sequence[Timed]) -> dict[int, tuple[str, ...]]:
        raise KeyError("a place of its own")

    broken = replace(strategy_named("top_k"), again=fails)
    monkeypatch.setattr("harness.trial.measure.strategy_named", lambda name: broken)
    one = replace(prepared, contenders=(prepared.contenders[1],))
    outcome = measure_unit(one, SLOT, toolchain)
    (result,) = outcome.results
    assert result.status == "ok" and outcome.samples[result.trial] and not outcome.again
    assert "top3: nothing is timed again: KeyError: 'a place of its own'" in caplog.text


@pytest.mark.parametrize("space", ["full", "paper"])
def test_strategies_take_their_space(space: str, toolchain: Toolchain) -> None:
    spec = {**kernels.SPEC, "sizes": {"m": 16, "n": 32, "k": 16}}
    unit = replace(
        unit_of(
            Contender("roofline", "strategy", "roofline", {"space": space}),
            Contender("top2", "strategy", "top_k", {"k": 2, "space": space}),
        ),
        problem=Problem("small", spec, primitive_from(spec), "lists"),
    )
    prepared = prepare_unit(unit, host(), toolchain)
    for contender in prepared.contenders:
        assert contender.status == "ok"
        for candidate in contender.candidates:
            assert ("microkernel:product" in candidate.schedule) == (space == "paper")
    assert unit.problem.facts["workload"] == "lists"


def test_a_choice_that_was_none_says_so(toolchain: Toolchain) -> None:
    spec = {**kernels.SPEC, "sizes": {"m": 1, "n": 1, "k": 3}}  # nothing fills a vector
    given = {"schedule": str(ranked_schedules(primitive_from(spec), host())[0].schedule)}
    fixed = Contender("fixed", "strategy", "fixed", given)
    small = Problem("small", spec, primitive_from(spec))
    unit = replace(unit_of(ROOFLINE, TOP, fixed), problem=small)
    flags = [one.flags for one in prepare_unit(unit, host(), toolchain).contenders]
    assert flags[0][-2:] == flags[1][-2:] == ("not vectorised", "only candidate")
    assert flags[2][-1:] == ("not vectorised",)


def test_a_recorded_schedule_is_repeated_exactly(
    prepared: PreparedUnit, toolchain: Toolchain
) -> None:
    candidate = prepared.contenders[0].candidates[0]
    fixed = Contender("again", "strategy", "fixed", {"schedule": candidate.schedule})
    again = prepare_unit(unit_of(fixed), host(), toolchain)
    assert again.contenders[0].candidates[0].kernel == candidate.kernel
    assert again.contenders[0].flags == ("compile cached",)


@pytest.mark.parametrize(
    ("contender", "stage"),
    [
        (Contender("bad", "strategy", "fixed", {"schedule": "no schedule at all"}), "plan"),
        (Contender("bad", "strategy", "sorcery"), "plan"),
        (Contender("bad", "strategy", "top_k", {"ranker": "sorcery"}), "plan"),
        (Contender("bad", "strategy", "survey", {"rankings": ["roofline", "magic"]}), "plan"),
        (Contender("bad", "strategy", "roofline", {"space": "half"}), "plan"),
        (Contender("bad", "baseline", "sorcery"), "plan"),
    ],
)
def test_a_contender_that_cannot_be_prepared_fails_alone(
    contender: Contender, stage: str, toolchain: Toolchain
) -> None:
    strategies = (ROOFLINE, contender) if contender.kind == "strategy" else (ROOFLINE,)
    baselines = (contender,) if contender.kind == "baseline" else ()
    outcome = measure_unit(
        prepare_unit(unit_of(*strategies, baselines=baselines), host(), toolchain),
        SLOT,
        toolchain,
    )
    good, bad = outcome.results
    assert good.status == "ok"
    assert (bad.status, bad.stage) == ("failed", stage)
    assert bad.reason and "\n" not in bad.reason
    assert bad.trial not in outcome.samples


def with_kernel(prepared: PreparedUnit, index: int, spec: dict[str, object]) -> PreparedUnit:
    """The first strategy's or the search's candidates with one executable replaced."""
    contenders = list(prepared.contenders)
    contender = contenders[index]
    candidates = (replace(contender.candidates[0], executable=spec), *contender.candidates[1:])
    contenders[index] = replace(contender, candidates=candidates)
    return replace(prepared, contenders=tuple(contenders))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (kernels.LAST_TERM_MISSING, "expected"),
        (kernels.READS_PAST_END, "past the end of 'a'"),
        (kernels.SEGFAULT, "SIGSEGV"),
        (kernels.ILLEGAL, "SIGILL"),
    ],
)
def test_a_broken_kernel_is_a_failed_record(
    text: str, reason: str, prepared: PreparedUnit, toolchain: Toolchain
) -> None:
    """As the only candidate it fails its contender; of a search it is one row among others."""
    spec = kernels.executable(text, toolchain)
    broken = with_kernel(with_kernel(prepared, 0, spec), 1, spec)
    outcome = measure_unit(broken, SLOT, toolchain)
    roofline, top, _ = outcome.results
    assert (roofline.status, roofline.stage) == ("failed", "verify")
    assert roofline.reason is not None and reason in roofline.reason
    assert roofline.seconds is None and roofline.trial not in outcome.samples
    assert top.status == "ok"
    first = outcome.candidates[top.trial][0]
    assert first["stage"] == "verify" and reason in str(first["reason"])
    assert first["measured"] is None


def test_all_candidates_of_a_search_fail(prepared: PreparedUnit, toolchain: Toolchain) -> None:
    spec = kernels.executable(kernels.LAST_TERM_MISSING, toolchain)
    top = prepared.contenders[1]
    wrong = tuple(replace(c, executable=spec) for c in top.candidates)
    broken = replace(prepared, contenders=(replace(top, candidates=wrong),))
    result = measure_unit(broken, SLOT, toolchain).results[0]
    assert (result.status, result.stage) == ("failed", "verify")


def test_candidates_that_do_not_compile_are_rows(
    prepared: PreparedUnit, toolchain: Toolchain
) -> None:
    top = prepared.contenders[1]
    failed = replace(top.candidates[0], executable=None, failure=Failure("compile", "gcc: no"))
    some = replace(top, candidates=(failed, *top.candidates[1:]))
    outcome = measure_unit(replace(prepared, contenders=(some,)), SLOT, toolchain)
    assert outcome.results[0].status == "ok"
    rows = outcome.candidates[outcome.results[0].trial]
    assert (rows[0]["stage"], rows[0]["measured"]) == ("compile", None)
    assert all(row["measured"] for row in rows[1:])


def test_a_reference_that_fails_fails_the_unit(
    prepared: PreparedUnit, toolchain: Toolchain
) -> None:
    """The child computes it from the specification alone."""
    problem = replace(prepared.unit.problem, spec={"name": "nonsense"})
    broken = replace(prepared, unit=replace(prepared.unit, problem=problem))
    outcome = measure_unit(broken, SLOT, toolchain)
    assert [r.status for r in outcome.results] == ["failed", "failed", "skipped"]
    assert outcome.results[0].stage == "plan"


def test_what_is_installed_is_found_out_without_measuring(toolchain: Toolchain) -> None:
    naive = Contender("plain", "baseline", "naive")
    nobodys = Contender("x", "baseline", "of nobody's")
    assert installed_here((ABSENT, naive, nobodys), toolchain) == (naive,)
