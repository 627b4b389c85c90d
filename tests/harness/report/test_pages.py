"""What stands in a value is text in the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from harness.report import pages


def test_values_are_escaped_and_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "TEMPLATES", tmp_path)
    pages._environment.cache_clear()
    (tmp_path / "one.html").write_text("<p title='{{ text }}'>{{ text }}</p> {{ number }}")
    text = "<b onclick='x'>&\x1b[31m\u202e\n\ud800"
    shown = pages.page("one.html", text=text, number=3)
    escaped = "&lt;b onclick=&#39;x&#39;&gt;&amp;\\x1b[31m\\u202e\n\\ud800"
    assert shown == f"<p title='{escaped}'>{escaped}</p> 3"
    shown.encode()
    with pytest.raises(UndefinedError, match="number"):
        pages.page("one.html", text=text)
    pages._environment.cache_clear()
