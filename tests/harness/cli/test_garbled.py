"""Records and models that are other than they were written: told in a line, never a traceback."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from compiler.cost.tournament_file import shipped_tournament, tournament_data
from compiler.errors import CompilerError
from compiler.problem.specification import primitive_from
from harness import campaign
from harness.analysis.comparison import compared
from harness.analysis.history import history
from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.analysis.recorded import recorded
from harness.analysis.trial_rows import trial_rows
from harness.campaign import NoSink
from harness.cli import main
from harness.cli.run import settings_of
from harness.errors import HarnessError
from harness.record.configuration import documents_in, recorded_tracking
from harness.record.journal import CampaignFolder, recorded_schedule
from harness.record.result_line import json_text
from harness.record.writer import CampaignWriter
from harness.report.comparison import comparison_grids
from harness.report.comparison_data import comparison_data
from harness.report.data_files import as_csv
from harness.report.grid import shown
from harness.report.junit import as_junit
from harness.report.latex import as_latex
from harness.report.markdown import as_markdown
from harness.report.review_file import write_review
from harness.report.tables import render_campaign
from harness.settings import recorded_problems
from harness.settings.model_file import read_model
from tests.harness.analysis import past
from tests.harness.campaigns import NODE, Onlooker, ReplayPool
from tests.harness.learn.campaigns import surveyed
from tests.harness.record.garbling import garbled
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.harness.record.test_kept import AGAIN

INPUTS = 10  # of each kind of file, for each reader; tests/soak/test_fuzz.py has thousands
COMMANDS = 2  # of each kind of file, for each command


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a campaign that has them all, by name."""
    runs = tmp_path_factory.mktemp("whole") / "runs"
    folder = surveyed(runs / "one", {16: "a", 48: "b"}, count=8)
    (first, *_) = folder.results()
    with CampaignWriter(folder.path, resume=True) as writer:
        writer.write_start({"code": "a", "git_commit": "b", "versions": {}, "nodes": {}})
        samples = [
            {"process": p, "block": b, "position": n, "seconds": 1e-3, "calls": 3, "flags": []}
            for p in range(2)
            for b in range(3)
            for n in range(2)
        ]
        pair = [baseline_result("x"), strategy_result("x")]
        writer.record([Left(pair, samples={one.trial: samples for one in pair})])
        roles = ["fastest"], ["drawn", "first roofline", "few roofline"]
        again = [{**AGAIN, "roles": own, "samples": samples} for own in roles]
        writer.record([Left(again={first.trial: again})])
    model = json_text(tournament_data(shipped_tournament("polydl_tournament")))
    files = {str(f.relative_to(folder.path)): f for f in folder.path.rglob("*") if f.is_file()}
    held = {name: file.read_bytes() for name, file in files.items() if name != ".lock"}
    assert {name.partition("/")[0] for name in held} == {
        *("campaign.yaml", "identity.json", "starts.jsonl", "results.jsonl"),
        *("samples", "candidates", "again"),
    }
    return {**held, ".lock": b"pid 1", "model.json": model.encode(), "trial": first.trial.encode()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One for all: MLflow takes seconds to make it."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'm.db'}"


@pytest.fixture
def damaged(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], CampaignFolder]:
    """The campaign with one of its files garbled by a seed."""
    monkeypatch.chdir(tmp_path)

    def made(kind: str, number: int) -> CampaignFolder:
        seed = f"{kind} {number}"
        print(f"garbled by {seed!r}")  # pytest shows it where the test fails
        for name, held in whole.items():
            if name not in ("model.json", "trial"):
                file = tmp_path / "runs" / "one" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                mine = name.partition("/")[0] == kind
                file.write_bytes(garbled(held, seed) if mine else held)
        return CampaignFolder(Path("runs/one"))

    return made


KINDS = (
    *("results.jsonl", "samples", "candidates", "starts.jsonl", "campaign.yaml", "identity.json"),
    *("again", ".lock"),
)


def read_all(folder: CampaignFolder) -> None:
    """What the tables, the page, the means, the rank quality, comparisons and a resume read."""
    folder.starts()
    results = folder.results()
    means, quality = campaign_means(folder, results), campaign_quality(folder, results)
    render_campaign(results, means, quality).encode()
    write_review(folder)
    compare_all(folder)


def compare_all(folder: CampaignFolder) -> None:
    """With a campaign of other records, and with itself, in every form."""
    one = recorded(folder)
    for found in (compared(past.campaign(), one), history([one, one, past.campaign()]).newest):
        grids = comparison_grids(found)
        "".join((as_junit(found), *map(as_markdown, grids), *map(str, map(shown, grids)))).encode()
        json_text(comparison_data(found)).encode()
    as_csv(*trial_rows(one.results)).encode()
    as_latex(one.results).encode()


def problems_in(folder: CampaignFolder) -> None:
    for document in documents_in(folder.configuration):
        for choice in recorded_problems(document):
            try:
                primitive_from(choice.spec)
            except CompilerError as error:
                assert_one_line(str(error))


@pytest.mark.parametrize("kind", KINDS)
def test_every_reader_of_records_refuses_in_a_line_or_goes_on(
    kind: str, whole: dict[str, bytes], damaged: Callable[[str, int], CampaignFolder]
) -> None:
    trial = whole["trial"].decode()
    for number in range(INPUTS):
        folder = damaged(kind, number)
        reads: list[Callable[[], object]] = [partial(recorded_schedule, f"one:{trial}")]
        if kind == "campaign.yaml":
            reads = [partial(recorded_tracking, folder.configuration), partial(problems_in, folder)]
        reads.append(partial(read_all, folder))
        for read in reads:
            try:
                read()
            except HarnessError as error:
                assert_one_line(str(error))


def test_every_model_is_read_or_refused(whole: dict[str, bytes], tmp_path: Path) -> None:
    small = tournament_data(shipped_tournament("polydl_tournament")) | {"provenance": {}}
    small["layers"] = [{"weights": [[0.5]] * 8, "biases": [0.1]}]
    path = tmp_path / "m.json"
    for content in (json_text(small).encode(), whole["model.json"]):
        for number in range(INPUTS * 2):
            path.write_bytes(garbled(content, f"model {number}"))
            try:
                read_model(path)
            except HarnessError as error:
                assert_one_line(str(error))


def commands(folder: str, number: int, store: str) -> Sequence[Sequence[str]]:
    return (
        *([("sync", folder, f"tracking.uri={store}")] if number == 0 else []),
        ("train", folder, "out=m.json"),
        ("dashboard", folder, "tracking.uri=http://127.0.0.1:1"),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_ends_with_a_line(
    kind: str,
    store: str,
    damaged: Callable[[str, int], CampaignFolder],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(COMMANDS):
        folder = damaged(kind, 1000 + number)
        for words in commands(str(folder.path), number, store):
            status = main(words)
            told = capsys.readouterr()
            assert status in (0, 1, 2), (words, told.err)
            for line in told.err.splitlines():
                assert_one_line(line)
            assert "\x1b" not in told.out


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_is_resumed_or_refused(
    kind: str, damaged: Callable[[str, int], CampaignFolder]
) -> None:
    for number in range(COMMANDS):
        damaged(kind, 2000 + number)
        words = ["campaign.resume=one", "campaign.accept_changes=true"]
        try:
            settings = settings_of(words)
            plan = campaign.plan_of(settings, datetime.now())
            summary = campaign.run(
                plan,
                settings,
                ["run", *words],
                open_pool=lambda plan: ReplayPool(),
                open_sink=lambda folder: NoSink(),
                watcher=Onlooker(),
            )
        except HarnessError as error:
            assert_one_line(str(error))
        else:
            done = {r.trial for r in summary.folder.results()}
            wanted = {u.trial(c, NODE.fingerprint) for u in plan.units for c in u.contenders}
            assert wanted <= done  # what a bad line held has been measured again


def test_a_configuration_that_is_empty_is_none(
    damaged: Callable[[str, int], CampaignFolder],
) -> None:
    damaged("none", 0).configuration.write_text("# polydl run\n")
    with pytest.raises(HarnessError, match="holds no configuration; say what to measure"):
        settings_of(["campaign.resume=one"])


def test_a_line_longer_than_any_record_is_skipped(
    damaged: Callable[[str, int], CampaignFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = damaged("none", 0)
    before = folder.results()
    monkeypatch.setattr("harness.record.typed.LONGEST_LINE", 100_000)
    with folder.results_file.open("ab") as file:
        file.write(b"[" + b"1," * 400_000 + b"1]\n" + random.Random(0).randbytes(10) + b"\n")
    assert folder.results() == before


@pytest.mark.parametrize("name", ["results.jsonl", "starts.jsonl", "campaign.yaml"])
def test_what_is_no_file_is_refused(
    name: str, damaged: Callable[[str, int], CampaignFolder]
) -> None:
    folder = damaged("none", 0)
    for make in (os.mkfifo, os.mkdir):
        (folder.path / name).unlink() if make is os.mkfifo else os.unlink(folder.path / name)
        make(folder.path / name)
        with pytest.raises(HarnessError):
            read_all(folder) if name != "campaign.yaml" else settings_of(["campaign.resume=one"])


def assert_one_line(text: str) -> None:
    assert text and text.isprintable() and len(text) <= 330, text
