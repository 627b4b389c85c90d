from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from harness.cli import main
from harness.record.configuration import documents_in
from harness.record.journal import CampaignFolder
from harness.scratch import scratch_folder
from tests.harness.campaigns import BRIEF, TOY
from tests.harness.scratch import check_nothing_left_behind


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, build_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from harness.cli import main; sys.exit(main())",
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "primitive=conv9"], "nearest: conv3d, conv2d, conv1d; known: "),
        (["run"], "nothing to measure"),
        (["run", "primitive=conv2d", "primitive.sizes.ic=-1"], "ic must be"),
        (["run", *TOY, "strategy=fixed", "strategy.fixed.schedule=x"], "strategy.fixed.schedule"),
        (["run", *TOY, "campaign.resume=nowhere"], "campaign 'nowhere'"),
        (["run", *TOY, "architecture=xeon_8280", "architecture.model=abacus"], "nodes found"),
        (["run", *TOY, "threads=4096"], "threads must be between 1 and"),
        (["run", *TOY, "cluster.cores=[4095]"], "4095 is not among"),
        (["run", "--cfg", "job", "threads=x"], "threads: Value 'x'"),
        (["run", "--cfg=zzz", *TOY], "--cfg must be one of job, hydra, all, got zzz"),
        (["run", "--cfg", "job", "--package", "zzz", *TOY], "package 'zzz' not found in config"),
        (["run", "--resolve", *TOY], "--resolve flag can only be used in conjunction with --cfg"),
        (["run", *TOY, "+foo@bar=1"], "unknown option '1'; known: none, foo is no group"),
        (
            ["run", "workload=resnet50", "primitives.resnet50=5"],
            "entry 1 (resnet50_00): unknown primitive 'conv2d'; known: none",
        ),
        (
            ["explain", *TOY, "architecture=xeon_8280", "architecture.vector_registers=1"],
            "architecture.vector_registers must be >= 2, got 1",
        ),
        (["explain"], "nothing to explain"),
        (["explain", "experiment=paper_smoke"], "one combination is taken, got"),
        (["doctor", "experiment=paper_smoke"], "one combination is taken, got"),
        (["run", *TOY, "schedule=scalar/order:m+n+k"], "order:m+n+k changes nothing here"),
        (["explain", "workload=gemms"], "explain takes one problem, 10 are chosen"),
        (["explain", *TOY, "format=htm"], "expected one of [text, json, html, c]"),
        (["explain", *TOY, "schedule=x"], "schedule"),
        (["explain", *TOY, "schedule.tiles={m: 2}"], "schedule.order must list the loops"),
        (["explain", *TOY, "out=/nowhere/at/all"], "cannot write /nowhere/at/all"),
        (["sync"], "CAMPAIGN is missing; usage: polydl sync CAMPAIGN"),
        (["sync", "nowhere"], "campaign 'nowhere'"),
        (["sync", "a", "b"], "unexpected argument 'b'"),
        (["train"], "CAMPAIGN is missing; usage: polydl train CAMPAIGN"),
        (["train", "nowhere"], "out=FILE is missing"),
        (["train", "nowhere", "out=x"], "campaign 'nowhere'"),
        (["train", "a", "out=x", "seed=-1"], "seed must be a number from 0 to 4294967295, got -1"),
        (["train", "a", "out=x", "seed=\u00b2"], "seed must be a number from 0"),
        (["dashboard", "port=" + "9" * 5000], "port must be a number from 1 to 65535, got 999"),
        (["sync", "x" * 300], "File name too long"),
        (["sync", "~nobody_of_this_name/x"], "cannot read ~nobody_of_this_name/x"),
        (["sync", "a\0b"], "campaign 'a\\x00b': no such folder"),
        (["run", *TOY, f"campaign.dir={'x' * 300}"], "File name too long"),
        (["train", "a", "into=x"], "unknown option 'into'"),
        (
            ["run", *TOY, "strategy=tournament", "strategy.tournament.model=/nowhere"],
            "strategy.tournament.model: cannot read /nowhere",
        ),
        (["dashboard", "port=x"], "port must be"),
        (["dashboard", "--public"], "unknown option '--public'"),
        (["clean", "all"], "PART must be one of builds, tools, tuning, got all"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_status_two(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(words) == 2
    message = capsys.readouterr().err
    assert told in message
    assert len(message.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_no_words_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--version"]) == 0
    assert "usage: polydl COMMAND" in capsys.readouterr().out


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["run", "experiment=quickstart", "campaign.dry_run=true"]) == 0
    printed = capsys.readouterr().out
    assert "resnet50_17" in printed and "10 problems, 30 trials; about" in printed
    assert not list(tmp_path.iterdir())


def test_a_campaign_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *TOY, *BRIEF, "baseline=[]", "campaign.name=toy"]) == 0
    printed = capsys.readouterr().out
    folder = CampaignFolder(Path("runs/toy"))
    (result,) = folder.results()
    assert (result.status, result.contender) == ("ok", "roofline")
    assert str(folder.results_file) in printed
    assert documents_in(folder.configuration)[0]["primitive"]["sizes"]["k"] == 8
    again = ["run", *TOY, *BRIEF, "baseline=[]", "strategy=fixed", "campaign.name=again"]
    assert main([*again, f"strategy.fixed.from=toy:{result.trial}"]) == 0
    (repeated,) = CampaignFolder(Path("runs/again")).results()
    assert (repeated.schedule, repeated.kernel) == (result.schedule, result.kernel)
    assert repeated.trial != result.trial


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_ended_in_a_measurement(
    number: int,
    status: int,
    told: str,
    tmp_path: Path,
    build_cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", *TOY, *BRIEF, "baseline=[twin]", "campaign.name=long"]  # a ratio to wait for
    process = started(*words, "measure.half_width=1e-9", "measure.budget_seconds=60")
    folder = tmp_path / "runs" / "long"
    deadline = time.monotonic() + 60
    while not (seen := children_measuring(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status, errors
    resume = "polydl run campaign.resume=long"
    assert errors.splitlines()[-1] == f"polydl run: {told}; go on with: {resume}"
    assert main([*resume.split()[1:], "campaign.dry_run=true"]) == 0
    assert "1 problems, 2 trials" in capsys.readouterr().out
    check_nothing_left_behind(build_cache / "polydl" / "scratch")
    assert not CampaignFolder(folder).results()
    deadline = time.monotonic() + 10
    while in_session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not in_session(process.pid)


def children_measuring(parent: int) -> list[int]:
    return [pid for pid in in_session(parent) if "measure.worker" in command_of(pid)]


def in_session(parent: int) -> list[int]:
    """Processes whose parent is `parent`; measuring children are in sessions of their own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def test_explain_in_all_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    machine = "architecture=xeon_8280"
    assert main(["explain", *TOY, machine]) == 0
    text = capsys.readouterr().out
    for part in ("domain", "dependences", "RAW c", "schedules  best", "polydl_kernel"):
        assert part in text
    assert main(["explain", *TOY, machine, "format=json", "out=explained.json"]) == 0
    document = json.loads((tmp_path / "explained.json").read_text())
    assert document["problem"]["sizes"] == {"m": 6, "n": 16, "k": 8}
    assert document["ranked"][0]["schedule"] == document["schedule"]
    assert document["kernel"]["text"] in text
    assert main(["explain", *TOY, machine, "format=c"]) == 0
    assert capsys.readouterr().out == document["kernel"]["text"].rstrip("\n") + "\n"
    assert main(["explain", *TOY, machine, "format=html", "out=explained.html"]) == 0
    page = html.unescape((tmp_path / "explained.html").read_text())
    assert document["kernel"]["text"] in page and document["schedule"] in page


def test_explain_shows_the_schedule_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", *TOY, "architecture=xeon_8280", "format=json"]
    assert main([*words, "schedule.order=[k,m,n]"]) == 0
    assert json.loads(capsys.readouterr().out)["schedule"] == "scalar/order:k+m+n"
    assert main([*words, "schedule=scalar/order:n+k+m"]) == 0
    assert json.loads(capsys.readouterr().out)["schedule"] == "scalar/order:n+k+m"


def test_hydra_prints_the_configuration() -> None:
    process = started("run", "workload=gemms", "workload.sizes.n=7", "--cfg", "job", "threads=2")
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    document = yaml.safe_load(printed)
    assert (document["threads"], document["workload"]["sizes"]) == (2, {"n": 7})


def test_clean_shows_before_it_removes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["clean"]) == 0
    assert "nothing to clean" in capsys.readouterr().out
    for part, name in (("ab", "k.so"), ("tools", "t"), ("tuning", "log")):
        (tmp_path / "polydl" / part).mkdir(parents=True)
        (tmp_path / "polydl" / part / name).write_bytes(bytes(2**20))
    assert main(["clean"]) == 0
    printed = capsys.readouterr().out
    for part in ("builds", "tools", "tuning"):
        assert f"{part}: 1 files, 1.0 MiB of" in printed
    assert "`polydl clean --yes` removes builds and tools" in printed
    scratch = tmp_path / "polydl" / "scratch"
    scratch.mkdir()
    with scratch_folder(scratch) as held:  # of a campaign that runs
        assert main(["clean", "--yes"]) == 0
        assert held.is_dir()
    assert sorted(path.name for path in (tmp_path / "polydl").iterdir()) == ["scratch", "tuning"]
    assert main(["clean", "--yes", "tuning"]) == 0
    assert list((tmp_path / "polydl").iterdir()) == [scratch]


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["explain", "primitive=matmul"],
        ["baseline", "list"],
        ["clean"],
        ["run", *TOY, "cluster=serial"],
    ],
    ids=lambda words: words[0],
)
def test_a_cache_that_cannot_be_used_is_one_line(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "polydl").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(words) == 2
    told = capsys.readouterr().err
    assert f"the folder {tmp_path}/polydl cannot be used: it is no folder" in told
    assert told.endswith("set XDG_CACHE_HOME to a folder of yours\n") and told.count("\n") == 1
