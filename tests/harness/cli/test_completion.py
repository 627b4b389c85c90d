"""What the shells offer on TAB: asked in this process, and by bash and zsh themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.commands import COMMANDS
from harness.cli.completion import completions
from tests.harness.learn.campaigns import surveyed

PROGRAM = Path(sys.executable).parent
IN_BASH = """
set -u
eval "$(polydl completion bash)"
for COMP_LINE in "$@"; do
    COMP_POINT=${#COMP_LINE}
    _polydl polydl
    printf '<%s>' "${COMPREPLY[@]}"; echo
done
"""
IN_ZSH = """
compdef() { true }
compadd() { shift 4; printf '<%s>' "$@"; echo }
eval "$(polydl completion zsh)"
for line in "$@"; do
    words=("${(@s: :)line}"); CURRENT=$#words; PREFIX=$words[-1]
    _polydl
done
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two campaigns and a folder of configuration files."""
    made = tmp_path_factory.mktemp("completion")
    surveyed(made / "runs" / "one", {16: "a", 48: "b"}, count=2)
    surveyed(made / "runs" / "other", {16: "a"}, count=2)
    (made / "mine" / "primitive").mkdir(parents=True)
    (made / "mine" / "primitive" / "mine.yaml").touch()
    return made


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("s", ["show ", "sync "]),
        ("--v", ["--version "]),
        ("rnu ", []),
        ("help tr", ["train "]),
        ("show ", ["full=", "one ", "other "]),
        ("show ot", ["other "]),
        ("show one ", ["full=", "matmul_n16:survey ", "matmul_n48:survey "]),
        ("show nowhere ", None),
        ("show one matmul_n16:survey ", ["full="]),
        ("train one o", ["other ", "out="]),
        ("train one out=x o", ["other "]),
        ("dashboard --", ["--help "]),
        ("dashboard ", ["one ", "open=", "other ", "port=", "tracking.uri="]),
        ("baseline ", ["install ", "list "]),
        ("baseline install a", ["autotvm "]),
        ("baseline list a", []),
        ("clean builds ", ["tools ", "tuning "]),
        ("completion z", ["zsh "]),
        ("run meas", ["measure="]),
        ("run campaign.d", ["campaign.dir=", "campaign.dry_run="]),
        ("run measure=", ["measure=careful ", "measure=quick "]),
        ("run --config-dir mine primitive=mi", ["primitive=mine "]),
        ("run strategy=[roofline,top", ["strategy=[roofline,top_k"]),
        ("run strategy=[top_k,to", ["strategy=[top_k,tournament"]),
        ("run -m cluster=serial,l", ["cluster=serial,local"]),
        ("run ++measure=q", ["++measure=quick "]),
        ("run ~exp", ["~experiment="]),
        ("run campaign.resume=", ["campaign.resume=one ", "campaign.resume=other "]),
        ("run strategy.fixed.from=on", ["strategy.fixed.from=one:"]),
        ("run primitive=conv2d primitive.sizes.s", ["primitive.sizes.stride="]),
        ("run primitive=nothing primitive.sizes.s", None),
        ("run workload=gemms workload.select=[gemm_00,gemm_01,gemm_00", []),
        ("explain format=h", ["format=html "]),
        ("explain b", []),
        ("explain cluster.", ["cluster.cores="]),
        ("run sc", []),
        ("doctor --c", ["--cfg ", "--config-dir "]),
        ("run --cfg ", ["all ", "hydra ", "job "]),
        ("run --cfg=j", ["--cfg=job "]),
        ("run --config-dir ", []),
    ],
)
def test_what_a_line_may_become(
    line: str, found: list[str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if found is not None:
        known = completions(line.split(" "))
        if line.startswith("run primitive=conv2d"):
            known = [one for one in known if "_" not in one]
        assert known == found
    assert main(["--complete", *line.split(" ")]) == 0
    printed = capsys.readouterr()
    assert not printed.err and (found is not None or not printed.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_completed(name: str) -> None:
    assert f"{name} " in completions([name[:2]])
    assert f"{name} " in completions(["help", name[:2]])
    assert "--help " in completions([name, "--he"])


def asked_in(shell: str, script: str, lines: list[str]) -> list[list[str]]:
    path = {**os.environ, "PATH": f"{PROGRAM}:{os.environ['PATH']}"}
    command = [shell, *(["-f"] if shell == "zsh" else ["--norc"]), "-c", script, shell, *lines]
    done = subprocess.run(command, capture_output=True, text=True, env=path, check=True)
    assert not done.stderr
    return [line[1:-1].split("><") for line in done.stdout.splitlines()]


def test_bash_gets_what_stands_behind_its_word_breaks() -> None:
    lines = ["polydl sh", "polydl run measure=q", "polydl run strategy=[roofline,top"]
    answers = asked_in("bash", IN_BASH, [*lines, "polydl show one matmul_n16:s"])
    assert answers == [["show "], ["quick "], ["[roofline,top_k"], ["survey "]]


@pytest.mark.needs("zsh")
def test_zsh_gets_whole_words() -> None:
    answers = asked_in("zsh", IN_ZSH, ["polydl sh", "polydl run strategy=[roofline,top"])
    assert answers == [["show "], ["strategy=[roofline,top_k"]]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_lines_for_a_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "polydl" in capsys.readouterr().out
    assert main(["completion"]) == 2
    assert "SHELL is missing" in capsys.readouterr().err
