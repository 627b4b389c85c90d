"""`polydl list` and `polydl show`: what a journal holds, printed again, and nothing touched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import listing, main
from harness.record.result import Estimate, ProcessNoise, Speedup
from harness.record.writer import CampaignWriter
from harness.report.terminal import Terminal
from tests.harness.record.results import Left, baseline_result, strategy_result

ESTIMATE = Estimate(0.0011, "L2", {"compute": 0.0009, "L2": 0.00095}, {"L2": 3.5e6})
SLOWER = {"onednn": Speedup(0.9, (0.88, 0.92), "slower")}
CANDIDATES = (
    {"rank": 0, "schedule": "scalar/order:a", "measured": 0.002, "retimed": None},
    {"rank": 1, "schedule": "scalar/order:b", "measured": 0.001, "retimed": 0.0011},
    {"rank": 2, "schedule": "scalar/order:c", "measured": None},
)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two campaigns and one that cannot be read, under ./runs."""
    monkeypatch.chdir(tmp_path)
    for name, day in (("older", "2026-01-01"), ("newer", "2026-02-01")):
        with CampaignWriter(tmp_path / "runs" / name) as writer:
            results = [
                strategy_result(
                    "conv_a",
                    estimate=ESTIMATE,
                    predicted_ratio=0.86,
                    rank=3,
                    ranked=1200,
                    drift=(0.99, 1.02),
                    processes=(ProcessNoise(0.0012, 20, 1), ProcessNoise(0.0013, 20, 0)),
                ),
                strategy_result("conv_b", speedup=SLOWER),
                baseline_result("conv_a"),
                baseline_result("conv_b"),
            ]
            results = [replace(one, started=f"{day}T03:04:05.678+00:00") for one in results]
            rows = {"conv_a-roofline": CANDIDATES}
            writer.record([Left(results, candidates=rows)])
    broken = tmp_path / "runs" / "broken"
    broken.mkdir()
    (broken / "results.jsonl").write_text('{"schema": 99}\n')
    return tmp_path / "runs"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_list_has_the_newest_first_and_says_what_cannot_be_read(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, "list").splitlines()
    assert lines[0] == "2 campaigns"
    newer, older = (next(x for x in lines if x.startswith(name)) for name in ("newer", "older"))
    assert lines.index(newer) < lines.index(older)
    for cell in ("2026-02-01 03:04", "4 ok", "roofline, onednn", "some processor"):
        assert cell in newer
    assert "onednn: 1 faster, 1 slower" in newer
    assert any("broken: " in line and "schema" in line for line in lines)


def test_list_keeps_names_whole_on_a_narrow_terminal(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "2026-01-01_03-04-05_experiment_with_a_long_name"
    (runs / "older").rename(runs / name)
    monkeypatch.setattr(listing, "terminal", lambda: Terminal(width=80))
    assert any(line.startswith(f"{name} ") for line in told(capsys, "list").splitlines())


def test_list_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no campaigns" in told(capsys, "list", str(tmp_path))


def test_show_prints_the_table(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "show", "newer")
    for cell in ("conv_a", "roofline", "1.06 [1.04 1.08]", "faster", "geometric mean"):
        assert cell in text


@pytest.mark.parametrize("trial", ["conv_a:roofline", "conv_a-roofline", "conv_a-r"])
def test_show_of_a_trial_says_all_that_is_known(
    trial: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, "show", "newer", trial).splitlines()
    found = {line.split(" ")[0]: line for line in lines}
    assert "bound by  L2: compute 900.0 us  L2 950.0 us (3.5 MB)  together 1100.0 us" in lines
    assert "0.86 of it" in found["predicted"]
    assert "3 of 1200" in found["rank"]
    assert "(1 of 20 flagged)" in found["processes"]
    assert "2 of 3 candidates measured; the machine's drift 0.99 to 1.02" in found["search"]
    best, other = lines[lines.index(found["search"]) + 1 :][:2]
    assert "0.001 s, 0.0011 in the final" in best and best.endswith("scalar/order:b")
    assert other.endswith("scalar/order:a")
    assert "strategy.fixed.from=runs/newer:conv_a-roofline" in found["repeat"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("show", "newer", "conv_c:roofline"),
            "no trial 'conv_c:roofline'; there are: conv_a:r",
        ),
        (("show", "newer", "conv_"), "4 trials 'conv_'; there are: conv_a-roofline (conv_a:r"),
        (("show", "nowhere"), "campaign 'nowhere': no such folder"),
        (("show",), "CAMPAIGN is missing; usage: polydl show CAMPAIGN [TRIAL]"),
        (("list", "nowhere"), "no folder at nowhere"),
        (("list", "a", "b"), "unexpected argument 'b'; usage: polydl list [FOLDER]"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], reason: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error


def test_nothing_is_touched(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in sorted(runs.rglob("*"))
        }

    for path in runs.rglob("*"):
        os.utime(path, ns=(1, 1))
    before = state()
    for words in (("list",), ("show", "newer"), ("show", "newer", "conv_a:roofline")):
        told(capsys, *words)
    assert state() == before
