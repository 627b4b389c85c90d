"""The notebooks of examples/ run from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("notebook", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_cache: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    monkeypatch.chdir(tmp_path)
    cells = json.loads(notebook.read_text())["cells"]
    names: dict[str, object] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}[{number}]", "exec"), names)
            assert cell["execution_count"], "its results stand in it: run it and save it"


def test_there_is_one() -> None:
    assert list(EXAMPLES.glob("*.ipynb"))
