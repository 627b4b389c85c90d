from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.baseline.libxsmm import libxsmm
from harness.cli import main
from harness.cli.run import resuming, slots_of
from harness.cluster.node import share_of
from harness.record.journal import CampaignFolder
from harness.settings import load_settings, resumed_alone
from tests.harness.campaigns import TOY, plan_from
from tests.harness.onnx.models import model, node, saved

PRODUCT = "broadcast/vector:n.16/tile:n.1+m.6/order:n+m+k/microkernel:libxsmm"


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("runs/20260101-120000-run", "polydl run campaign.resume=20260101-120000-run"),
        ("elsewhere/one", "polydl run campaign.resume=elsewhere/one"),
        ("/data/one", "polydl run campaign.resume=/data/one"),
        ("runs/12", """polydl run 'campaign.resume='"'"'12'"'"''"""),
    ],
)
def test_the_command_that_goes_on_with_a_campaign(path: str, command: str) -> None:
    assert resuming(CampaignFolder(Path(path))) == command


@pytest.mark.parametrize("path", ["/a b/c", "it's", "a,b", "null", "[x]", "a=b", "/a\\", "$HOME"])
def test_any_folder_is_named_as_it_is(path: str) -> None:
    _, _, *words = shlex.split(resuming(CampaignFolder(Path(path))))
    assert resumed_alone(words) == path


def test_a_plan_has_counts_whole_names_and_every_node_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [node("Relu", "x", "a"), node("Sign", "a", "b"), node("Relu", "b", "y")]
    path = saved(model(nodes, {"x": (2, 3)}, "y"), tmp_path, "a_network_of_a_long_name.onnx")
    words = ["run", "workload=onnx", f"workload.model={path}", "campaign.dry_run=true"]
    assert main(words) == 0
    told = capsys.readouterr().out
    (row,) = (line for line in told.splitlines() if "a_network_of_a_long_name_00" in line)
    assert [cell.strip() for cell in row.split("│")][2:5] == ["relu_of_2d", "m=2 n=3", "2"]
    assert "a_network_of_a_long_name.onnx: 3 nodes: 2 in problems, 1 left out: Sign 1" in told
    assert "  b  Sign: no primitive computes it" in told


@pytest.mark.parametrize(
    "asked",
    [
        ["strategy=[roofline,roofline_libxsmm]"],
        ["-m", "strategy=roofline,roofline_libxsmm"],
        ["strategy=fixed", f"strategy.fixed.schedule={PRODUCT}"],
    ],
)
def test_a_strategy_without_its_library_is_told_before_the_campaign(
    asked: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(libxsmm, "SYSTEM", ())
    folder = tmp_path / "campaign"
    assert main(["run", *TOY, *asked, "cluster=serial", f"campaign.dir={folder}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("polydl run: microkernel libxsmm: ")
    assert "polydl baseline install libxsmm" in line
    assert not (folder / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("threads", "slots"),
    [(1, 55), (8, 6), (27, 2), (28, 1), (56, 1), (57, 1)],
    ids=str,
)
def test_a_plan_counts_the_slots_of_the_described_machine(threads: int, slots: int) -> None:
    """Two sockets of 28 cores, of which the first is left to all else."""
    words = ("primitive=matmul", "architecture=xeon_8280", "cluster=ray", f"threads={threads}")
    (settings,) = load_settings(words)
    assert slots_of(settings, plan_from(*words)) == slots


def test_a_plan_counts_the_slots_of_this_machine() -> None:
    words = ("primitive=matmul", "cluster=local")
    (settings,) = load_settings(words)
    assert slots_of(settings, plan_from(*words)) == len(share_of().slots(1))
    (settings,) = load_settings([*words, "cluster=serial"])
    assert slots_of(settings, plan_from(*words)) == 1
