"""Commands that are marked `run`, as they stand, in one folder for all pages but the tutorial.

What is measured is measured as briefly as can be. tests/test_installed.py follows the tutorial.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from tests.docs.commands import MARKED, Command, in_blocks
from tests.docs.folder import measure_campaigns, write_files
from tests.docs.pages import DOCS, name
from tests.harness.campaigns import BRIEF

pytestmark = pytest.mark.timeout(300)  # a campaign waits for a core of its own
PAGES = [page for page in MARKED if page != DOCS / "tutorial.md"]
RUN = {page: [one for one in in_blocks(page) if one.mark == "run"] for page in PAGES}
DONE: set[str] = set()  # what several pages tell is run once
ANSWERS = {"compare": (0, 1)}  # 1: something is slower


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, build_cache: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(build_cache))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.chdir(tmp_path_factory.mktemp("pages"))
        measure_campaigns()
        yield Path.cwd()


@pytest.mark.parametrize("page", [page for page, told in RUN.items() if told], ids=name)
def test_commands_run(page: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(folder, page)
    for command in RUN[page]:
        if command.text not in DONE:
            DONE.add(command.text)
            run(command)
            assert "Traceback" not in capsys.readouterr().err


def run(command: Command) -> None:
    """polydl's own here, which saves its start; all else by a shell."""
    first = command.parts[0]
    if len(command.parts) == 1 and first[0] == "polydl":
        words = ["show" if word == "COMMAND" else word for word in first[1:]]
        measures = words[0] == "run" and not any(word.startswith("campaign.") for word in words)
        assert main([*words, *(BRIEF if measures else ())]) in ANSWERS.get(words[0], (0,)), command
    else:
        subprocess.run(["bash", "-euc", command.text], check=True, capture_output=True)
