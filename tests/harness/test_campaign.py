from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from harness import campaign
from harness.campaign import NoSink, Sink, Summary, Watcher
from harness.cli.run import settings_of
from harness.errors import EnvironmentProblem, RecordError, SettingsError
from harness.plan import Plan
from harness.record.configuration import configuration_text, documents_in
from harness.record.journal import CampaignFolder, recorded_schedule
from harness.record.result import TrialResult
from harness.record.writer import CampaignWriter
from harness.report.doubts import refusal_told
from harness.settings import as_recorded, load_settings, resumed_alone
from harness.tracking.overview import Overview
from harness.trial import UnitOutcome
from harness.unit import Unit
from tests.harness.campaigns import NODE, Onlooker, ReplayPool

NOW = datetime(2026, 1, 2, 3, 4, 5)
GEMMS = ("workload=gemms", "workload.select=[gemm_01,gemm_09]", "strategy=[roofline,top_k]")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class KeptSink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.results: list[TrialResult] = []
        self.overviews: list[Overview] = []

    def record(self, results: Sequence[TrialResult]) -> None:
        self.results.extend(results)

    def finish(self, overview: Overview) -> None:
        self.overviews.append(overview)

    def close(self) -> bool:
        return True


def run(
    *overrides: str,
    pool: ReplayPool | None = None,
    sink: Sink | None = None,
    watcher: Watcher | None = None,
) -> Summary:
    settings = load_settings([*GEMMS, *overrides])
    return campaign.run(
        campaign.plan_of(settings, NOW),
        settings,
        ["run", *GEMMS],
        open_pool=lambda plan: pool or ReplayPool(),
        open_sink=lambda folder: sink or NoSink(),
        watcher=watcher or Onlooker(),
    )


class NoisyPool(ReplayPool):
    """Every strategy's samples are disturbed in a fifth of the cases."""

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        for unit, outcome in super().outcomes():
            noises = [0.2 if r.kind == "strategy" else 0.0 for r in outcome.results]
            results = zip(outcome.results, noises, strict=True)
            yield unit, UnitOutcome(tuple(replace(r, noise=noise) for r, noise in results))


def test_noise_above_the_limit_is_refused() -> None:
    assert run("campaign.name=one", pool=NoisyPool()).exit_status == 0
    summary = run("campaign.name=two", "measure.refuse_noise=0.1", pool=NoisyPool())
    assert summary.exit_status == 1 and not summary.counts["failed"]
    assert {r.contender for r in summary.refused} == {"roofline", "top_k"}
    assert refusal_told(summary.refused, summary.refuse_noise).startswith(
        "refused, more noise than measure.refuse_noise=0.1: roofline on gemm_01 (20%), top_k on"
    )
    trials = [{r.trial for r in one.results} for one in (summary, run("campaign.name=three"))]
    assert trials[0] == trials[1]  # how a figure is judged is no part of what it is


def test_everything_of_a_campaign_is_in_its_folder() -> None:
    pool, sink = ReplayPool(), KeptSink()
    summary = run("campaign.name=one", pool=pool, sink=sink)
    assert summary.folder.path == Path("runs/one")
    assert len(summary.folder.results()) == 6
    assert summary.exit_status == 0
    assert summary.counts["ok"] == 6
    assert [unit.problem.name for unit in pool.submitted] == ["gemm_01", "gemm_09"]
    assert pool.closed == 1
    assert sink.results == list(summary.results)
    (told,) = sink.overviews
    assert told.metrics["ok"] == 6 and "6 trials" in told.table
    log = summary.folder.log.read_text()
    assert "2 units" in log and "gemm_09 top_k: ok" in log


def test_the_configuration_is_kept_resolved() -> None:
    summary = run("campaign.name=one")
    text = summary.folder.configuration.read_text()
    command, document = yaml.safe_load_all(text)
    assert command == {"command": ["polydl", "run", *GEMMS]}
    assert document["strategy"]["top_k"]["k"] == 8
    assert document["workload"]["select"] == ["gemm_01", "gemm_09"]


def test_a_failed_trial_gives_status_one_and_the_rest_goes_on() -> None:
    pool = ReplayPool(lambda unit, c: (unit.problem.name, c.name) == ("gemm_01", "top_k"))
    summary = run(pool=pool)
    assert (summary.counts["failed"], summary.counts["ok"]) == (1, 5)
    assert summary.exit_status == 1
    assert summary.folder.name == "20260102-030405-run"
    assert "broken on purpose" in summary.folder.log.read_text()


def test_resume_redoes_whole_units_that_are_missing_or_failed() -> None:
    first = ReplayPool(lambda unit, c: (unit.problem.name, c.name) == ("gemm_09", "onednn"))
    folder = run("campaign.name=one", pool=first).folder
    second = ReplayPool()
    summary = run("campaign.resume=one", pool=second)
    assert [unit.problem.name for unit in second.submitted] == ["gemm_09"]
    assert len(second.submitted[0].contenders) == 3
    assert summary.exit_status == 0
    assert len(folder.results_file.read_text().splitlines()) == 9
    assert len(folder.results()) == 6


def test_resume_redoes_units_whose_skipped_baseline_is_installed_now() -> None:
    run("campaign.name=one", pool=ReplayPool(missing=["onednn"]))
    still = ReplayPool(missing=["onednn"])
    run("campaign.resume=one", pool=still)
    assert not still.submitted
    now = ReplayPool()
    summary = run("campaign.resume=one", pool=now)
    assert [unit.problem.name for unit in now.submitted] == ["gemm_01", "gemm_09"]
    assert (summary.counts["ok"], summary.counts["skipped"]) == (6, 0)
    again = ReplayPool()
    run("campaign.resume=one", pool=again)
    assert not again.submitted


def test_resume_keeps_what_an_interrupted_campaign_has_done() -> None:
    class Interrupted(ReplayPool):
        def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
            yield next(super().outcomes())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("campaign.name=one", pool=Interrupted())
    kept = Path("runs/one/results.jsonl").read_text()
    pool = ReplayPool()
    summary = run("campaign.resume=runs/one", pool=pool)
    assert [unit.problem.name for unit in pool.submitted] == ["gemm_09"]
    assert summary.folder.results_file.read_text().startswith(kept)
    assert (summary.counts["ok"], len(kept.splitlines())) == (6, 3)
    again = ReplayPool()
    run("campaign.resume=one", pool=again)
    assert not again.submitted


def test_resume_after_the_disk_was_torn_off() -> None:
    """A line cut in the middle, and zeros where a page was never written."""
    folder = run("campaign.name=one").folder
    lines = folder.results_file.read_bytes().splitlines(keepends=True)
    folder.results_file.write_bytes(b"".join(lines[:4]) + bytes(200) + b"\n" + lines[5][:-9])
    folder.starts_file.write_bytes(folder.starts_file.read_bytes() + b'{"started": "2')
    pool = ReplayPool()
    summary = run("campaign.resume=one", pool=pool)
    assert [unit.problem.name for unit in pool.submitted] == ["gemm_09"]
    assert (summary.counts["ok"], len(summary.folder.starts())) == (6, 2)
    assert folder.results_file.read_bytes().startswith(b"".join(lines[:4]))


def test_a_new_contender_measures_the_baselines_again() -> None:
    run("campaign.name=one", "strategy=roofline")
    pool, watcher = ReplayPool(), Onlooker()
    more = ("campaign.resume=one", "strategy=[roofline,top_k]")
    with pytest.raises(SettingsError) as caught:
        run(*more, pool=pool)
    assert str(caught.value) == (
        "one was recorded otherwise: strategy.top_k: none -> set; "
        "campaign.accept_changes=true resumes it all the same"
    )
    summary = run(*more, "campaign.accept_changes=true", pool=pool, watcher=watcher)
    assert watcher.messages == ["changed since it was recorded: strategy.top_k: none -> set"]
    assert len(pool.submitted) == 2
    assert len(summary.results) == 6
    again = ReplayPool()
    run(*more, pool=again)  # what was accepted is what is recorded now
    assert not again.submitted
    assert len(summary.folder.starts()) == 3


def test_other_code_and_another_host_are_told() -> None:
    failing = ReplayPool(lambda unit, c: unit.problem.name == "gemm_09")
    folder = run("campaign.name=one", pool=failing).folder
    (start,) = folder.starts()
    folder.starts_file.write_text(json.dumps({**start, "code": "0", "nodes": {"e": "gcc"}}) + "\n")
    with pytest.raises(SettingsError, match="one was recorded otherwise: code: 0 -> "):
        run("campaign.resume=one")
    folder.starts_file.write_text(json.dumps({**start, "nodes": {"e": "gcc"}}) + "\n")
    pool = ReplayPool()
    with pytest.raises(SettingsError, match="otherwise: host: e -> ffffffffffffffff; campaign"):
        run("campaign.resume=one", pool=pool)
    assert (pool.closed, pool.submitted) == (1, [])
    assert len(folder.starts()) == 1
    run("campaign.resume=one", "campaign.accept_changes=true", pool=pool)
    assert [unit.problem.name for unit in pool.submitted] == ["gemm_09"]


def test_what_another_kind_of_node_has_done_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    run("campaign.name=one")
    pool = ReplayPool()
    monkeypatch.setattr(pool, "nodes", lambda: (replace(NODE, fingerprint="e" * 16),))
    run("campaign.resume=one", "campaign.accept_changes=true", pool=pool)
    assert not pool.submitted


def test_a_driver_that_died_before_its_nodes_answered_can_be_resumed() -> None:
    with CampaignWriter(Path("runs/one")):
        pass
    assert run("campaign.resume=one").exit_status == 0
    with CampaignWriter(Path("runs/two")) as writer:
        writer.write_configuration(Path("runs/one/campaign.yaml").read_text())
    assert run("campaign.resume=two").exit_status == 0


def test_to_resume_and_no_more_means_as_recorded() -> None:
    sweep = ("-m", *GEMMS, "threads=1,2", "measure=careful", "campaign.name=one")
    settings = load_settings(sweep)
    writer = CampaignWriter(Path("runs/one"))
    writer.write_configuration(configuration_text([s.resolved for s in settings], sweep))
    writer.close()
    words = ("campaign.resume=one", "cluster=local", "campaign.dry_run=true")
    assert resumed_alone(words) == "one"
    recorded = as_recorded(words, documents_in(Path("runs/one/campaign.yaml")))
    assert [s.threads for s in recorded] == [1, 2]
    assert [s.problems for s in recorded] == [s.problems for s in settings]
    assert {s.measure.name for s in recorded} == {"careful"}
    assert {(s.cluster.kind, s.campaign.resume, s.campaign.name) for s in recorded} == {
        ("local", "one", None)
    }
    assert resumed_alone(["campaign.resume=one", "threads=2"]) is None
    assert resumed_alone(["campaign.name=one"]) is None
    Path("runs/one/campaign.yaml").unlink()
    with pytest.raises(RecordError, match="one: its configuration was not recorded; say what to m"):
        settings_of(words)


def test_a_folder_with_results_or_another_driver_is_refused() -> None:
    run("campaign.dir=here")
    with pytest.raises(RecordError, match=r"campaign.resume=here"):
        run("campaign.dir=here")
    with CampaignWriter(Path("held")), pytest.raises(RecordError, match="in use by pid"):
        run("campaign.dir=held")


def test_nothing_is_left_of_a_campaign_that_cannot_begin() -> None:
    refuse()
    assert not Path("runs").exists()


def refuse(*overrides: str) -> None:
    """A campaign whose nodes cannot be had."""
    settings = load_settings([*GEMMS, *overrides])

    def no_pool(plan: Plan) -> ReplayPool:
        raise EnvironmentProblem("no node")

    with pytest.raises(EnvironmentProblem):
        campaign.run(
            campaign.plan_of(settings, NOW),
            settings,
            [],
            open_pool=no_pool,
            open_sink=lambda folder: NoSink(),
            watcher=Onlooker(),
        )


def test_only_folders_that_it_made_are_removed() -> None:
    Path("keep").mkdir()
    refuse("campaign.dir=keep/a/b/c")
    assert [p.name for p in Path("keep").iterdir()] == []
    refuse("campaign.dir=keep")
    assert [p.name for p in Path("keep").iterdir()] == []
    Path("keep/mine").mkdir()
    Path("keep/mine/log.txt").write_text("of the user's\n")
    refuse("campaign.dir=keep/mine")
    assert [p.name for p in Path("keep/mine").iterdir()] == ["log.txt"]
    assert Path("keep/mine/log.txt").read_text() == "of the user's\n"


def test_what_another_driver_left_stays() -> None:
    with CampaignWriter(Path("runs/one")):
        pass
    refuse("campaign.resume=one")
    assert Path("runs/one/.lock").exists()


def test_a_default_name_that_exists_takes_a_suffix() -> None:
    name = "20260102-030405-run"
    Path("runs", f"{name}-2").mkdir(parents=True)
    pools = [ReplayPool() for _ in range(3)]
    folders = [run(pool=pool).folder.path.name for pool in pools]
    assert folders == [name, f"{name}-3", f"{name}-4"]
    assert {unit.campaign for unit in pools[2].submitted} == {f"{name}-4"}
    assert not list(Path("runs", f"{name}-2").iterdir())
    run("campaign.name=one")
    with pytest.raises(RecordError, match=r"campaign.resume=runs/one continues it"):
        run("campaign.name=one")  # what the user has named is not renamed


def test_the_pool_is_closed_when_interrupted() -> None:
    class Interrupted(ReplayPool):
        def submit(self, unit: object) -> None:
            raise KeyboardInterrupt

    pool = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run("campaign.name=one", pool=pool)
    assert pool.closed == 1
    assert run("campaign.resume=one").exit_status == 0


@pytest.mark.parametrize("key", ["resume", "name"])
def test_a_folder_excludes_what_else_would_say_one(key: str) -> None:
    with pytest.raises(SettingsError, match=f"campaign.{key} and campaign.dir exclude each other"):
        run("campaign.dir=a", f"campaign.{key}=b")


def test_a_recorded_schedule_is_found_by_its_trial() -> None:
    folder = run("campaign.name=one").folder
    trial = folder.results()[0].trial
    with pytest.raises(SettingsError, match="has no schedule"):
        recorded_schedule(f"one:{trial}")
    with pytest.raises(SettingsError, match="no trial 'x' in one"):
        recorded_schedule("one:x")
    with pytest.raises(SettingsError, match="CAMPAIGN:TRIAL"):
        recorded_schedule("one")
    with pytest.raises(RecordError):
        recorded_schedule("two:x")


def test_a_missing_sink_is_told() -> None:
    assert not run("campaign.name=one", sink=NoSink(complete=False)).tracked
    assert CampaignFolder(Path("runs/one")).results()
