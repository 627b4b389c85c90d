"""The document of real and made-up campaigns: what is there, what is lacking, which loses most."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from compiler.problem.primitive import Primitive
from harness.analysis.review.document import Review
from harness.analysis.review.review import review_of
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup
from harness.record.writer import CampaignWriter
from harness.settings import quoted
from harness.settings.recorded import problem_key, recorded_primitives
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.harness.review_campaigns import made_up


def reviewed(folder: CampaignFolder) -> Review:
    primitives = recorded_primitives(folder)

    def primitive_of(problem: object) -> Primitive | None:
        assert isinstance(problem, dict)
        return primitives.get(problem_key(problem))

    return review_of(folder, primitive_of, quoted)


def test_a_real_campaign_is_told_whole(small_campaign: CampaignFolder) -> None:
    found = reviewed(small_campaign)
    assert found.statuses == {"ok": 8, "skipped": 2}
    assert {(mean.contender, mean.baseline) for mean in found.means} == {
        (strategy, baseline)
        for strategy in ("roofline", "top_k")
        for baseline in ("onednn", "naive")
    }
    assert all(mean.ci95 is not None for mean in found.means)
    assert found.lacks == ()
    assert found.hosts[0].levels["memory"] > 0
    assert all(problem.bytes for problem in found.problems)
    timed = [trial for trial in found.trials if trial.status == "ok"]
    assert {trial.trial for trial in timed} == set(found.samples)
    for trial in timed:
        detail = found.details[trial.trial]
        assert detail.attempts[-1].gflops == trial.gflops
        if trial.kind == "strategy":
            assert trial.kernel in found.kernels
            assert detail.loops
            assert detail.working_sets
            assert [name for name, _ in detail.commands][:2] == ["repeat", "explain"]
    assert {found.searches[t.trial].total for t in timed if t.contender == "top_k"} == {2}


def test_what_loses_most_is_slower_and_has_a_cause(tmp_path: Path) -> None:
    found = reviewed(made_up(tmp_path / "one", problems=10))
    assert found.loss is not None
    assert found.loss.ratio.verdict == "slower"
    assert found.loss.ratio.ratio == min(
        ratio.ratio
        for trial in found.trials
        for ratio in trial.ratios.values()
        if ratio.verdict == "slower"
    )
    assert found.loss.ratio.cause
    assert found.gaps == ("top_k on layer_0004, layer_0009: failed (verify): wrong at element 3",)
    assert found.trust.withheld == 4
    assert found.statuses["failed"] == 2
    assert found.trials[0].flagged == {"switched out": 2 / 60}


def test_an_old_campaign_says_what_it_lacks(tmp_path: Path) -> None:
    with CampaignWriter(tmp_path / "old") as writer:
        writer.record([Left([strategy_result(), baseline_result()])])
    found = review_of(CampaignFolder(tmp_path / "old"), lambda problem: None, quoted)
    assert found.lacks == (
        "2 of 2 timed trials have no raw samples",
        "1 of 2 timed trials have no C text",
        "1 of 2 timed trials have no estimate of what it is bound by",
        "2 of 2 timed trials have no share of disturbed samples",
        "2 of 2 timed trials have no ceilings of cache levels",
        "1 of 1 problems are not described by campaign.yaml",
    )
    assert found.trust.noise is None
    (detail,) = (found.details[t.trial] for t in found.trials if t.kind == "strategy")
    assert detail.lacks.startswith("no loop nest")
    assert found.means[0].ci95 is None


def test_every_attempt_of_a_trial_is_told(tmp_path: Path) -> None:
    first = strategy_result(status="failed", reason="node\nlost", seconds=None, gflops=None)
    second = replace(strategy_result(), attempt=2)
    with CampaignWriter(tmp_path / "one") as writer:
        writer.record([Left([first, baseline_result()])])
        writer.record([Left([second, baseline_result()])])
    found = review_of(CampaignFolder(tmp_path / "one"), lambda problem: None, quoted)
    attempts = found.details[second.trial].attempts
    assert [(one.attempt, one.status, one.reason) for one in attempts] == [
        (1, "failed", "node lost"),
        (2, "ok", ""),
    ]


def test_a_recorded_ceiling_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    host = {"peak_gflops": 1.0, "architecture": {"caches": [{"name": "L1", "bandwidth": None}, 3]}}
    with CampaignWriter(tmp_path / "one") as writer:
        writer.record([Left([strategy_result(host=host)])])
    found = review_of(CampaignFolder(tmp_path / "one"), lambda problem: None, quoted)
    assert json.dumps(found.hosts[0].levels) == "{}"


def test_means_of_unlike_conditions_count_their_own_verdicts(tmp_path: Path) -> None:
    slower = {"onednn": Speedup(0.8, (0.79, 0.81), "slower")}
    results = [
        *(strategy_result(), baseline_result()),
        *(
            strategy_result(trial="two", threads=2, speedup=slower),
            baseline_result(trial="rival", threads=2),
        ),
    ]
    with CampaignWriter(tmp_path / "one") as writer:
        writer.record([Left(results)])
    found = review_of(CampaignFolder(tmp_path / "one"), lambda problem: None, quoted)
    assert [(mean.contender, dict(mean.verdicts)) for mean in found.means] == [
        ("roofline threads=1", {"faster": 1}),
        ("roofline threads=2", {"slower": 1}),
    ]
