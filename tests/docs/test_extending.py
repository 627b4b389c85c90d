"""docs/how-to/extending.md: its code is that of the example package, which the tests install."""

from __future__ import annotations

from tests.docs.commands import fences
from tests.docs.pages import DOCS
from tests.harness.packages import EXAMPLE

PAGE = DOCS / "how-to" / "extending.md"


def test_what_is_shown_is_what_is_tested() -> None:
    written = "".join(path.read_text() for path in EXAMPLE.iterdir() if path.is_file())
    shown = [text for _, info, text in fences(PAGE) if info in ("python", "toml")]
    assert len(shown) == 4
    assert not [text for text in shown if text not in written]
