"""docs/how-to/python.md: its Python runs from top to bottom, the table names all of the module."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import polydl

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "python.md").read_text()


def test_the_page_runs(build_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/how-to/python.md", "exec"), names)
    assert np.asarray(names["out"]).shape == (1, 64, 56, 56)


def test_the_table_names_all_of_the_module() -> None:
    assert sorted(re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE)) == sorted(polydl.__all__)
