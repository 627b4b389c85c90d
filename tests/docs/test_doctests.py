"""What stands below `>>>` on a page is what the lines above it print."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, name

WITH_EXAMPLES = [page for page in sorted(DOCS.rglob("*.md")) if "    >>> " in page.read_text()]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_examples_print_what_stands_there(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    found = doctest.DocTestRunner().run(test, out=told.append)
    assert found.attempted > 5 and not found.failed, "".join(told)


def test_there_are_some() -> None:
    assert len(WITH_EXAMPLES) >= 3
