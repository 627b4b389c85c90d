"""Commands that pages mark `slow`, as they stand: in a folder with campaigns of the names that they
say, beside a real MLflow server and a real cluster. tests/test_installed.py follows the tutorial,
the page of a strategy, and what a fresh clone begins with.

A page's commands may build on each other: repeat them together, `-k ci.md`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.topology import topology_found
from tests.docs.commands import MARKED, Command, in_blocks
from tests.docs.folder import measure_campaigns, write_files
from tests.docs.pages import DOCS, ROOT
from tests.harness.cluster.ray_cluster import three_nodes
from tests.harness.tracking.servers import MlflowServer

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2 * 3600)]  # a claim is measured again

FOLLOWED = (DOCS / "tutorial.md", DOCS / "how-to" / "strategy.md")
SLOW = [
    command
    for page in MARKED
    if page not in FOLLOWED
    for command in in_blocks(page)
    if command.mark == "slow" and not command.text.startswith("make demo")
]
PROGRAMS = {"completion zsh": "zsh", "experiments.quickstart.picture": "chromium"}
SEARCHED = (  # what a tournament learns from, in the store that a dashboard shows
    "workload=[resnet50,overfeat]",
    "workload.select=[resnet50_03,overfeat_03]",
    "strategy=[roofline,top_k]",
    "strategy.top_k.k=3",
    "baseline=[onednn]",
    "tracking=mlflow",
)
JUDGES = ("polydl claims", "polydl compare")  # status 1: an answer
Shell = Callable[[Command], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("documented")
    with ExitStack() as ending:
        server = MlflowServer(tmp_path_factory.mktemp("server"))
        ending.callback(server.kill)
        cluster = three_nodes()
        ending.callback(cluster.close)
        environment = {
            **os.environ,
            "BROWSER": "true",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        }
        instead = {"http://127.0.0.1:5000": server.wait(), "HOST:PORT": cluster.address}

        def run(command: Command) -> subprocess.CompletedProcess[str]:
            write_files(folder, command.page)
            text = command.text
            for told, real in instead.items():
                text = text.replace(told, real)
            if text.startswith("polydl dashboard"):
                return served(text, environment, folder)
            program = ["bash", "-euc"]
            if "completion zsh" in text:
                program = ["zsh", "-fec"]
                text = f"autoload -U compinit; compinit -u -D; {text}"
            return subprocess.run(
                [*program, text], env=environment, cwd=folder, capture_output=True, text=True
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("XDG_CACHE_HOME", environment["XDG_CACHE_HOME"])
            measure_campaigns(*SEARCHED)
        (folder / "docs").mkdir()
        yield run


def served(
    text: str, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """What serves until Ctrl-C, which it gets once it has said where."""
    command = ["bash", "-euc", f"exec {text}"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, cwd=folder, **pipes) as process:
        try:
            said = next((line for line in process.stdout or () if line.startswith("open ")), "")
        finally:  # also where the test's time is up: leaving waits for its end
            process.send_signal(signal.SIGINT)
        rest, _ = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, said + rest, rest)


def statuses(command: Command) -> tuple[int, ...]:
    """That it may end with; more threads than this host has cores are refused."""
    asked = re.search(r"\bthreads=([\d,]+)", command.text)
    if asked and max(map(int, asked[1].split(","))) > len(topology_found().cores):
        return (2,)
    if command.text.startswith("polydl dashboard"):
        return (130,)
    return (0, 1) if command.text.startswith(JUDGES) else (0,)


def marked(command: Command) -> Any:
    """With the programs that it needs beside those of this project."""
    needed = [program for words, program in PROGRAMS.items() if words in command.text]
    return pytest.param(command, marks=pytest.mark.needs(*needed), id=str(command))


@pytest.mark.parametrize("command", [marked(command) for command in SLOW])
def test_a_slow_command_runs(command: Command, shell: Shell) -> None:
    done = shell(command)
    assert done.returncode in statuses(command), done.stderr[-2000:]
    if command.text.startswith("polydl dashboard"):
        assert "open http://127.0.0.1:" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
