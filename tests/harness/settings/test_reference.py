from __future__ import annotations

from dataclasses import dataclass

from harness.bounds import positive, within
from harness.conf_files import CONF
from harness.settings import schema
from harness.settings.reference import comments, reference

DOCS = CONF.parent / "docs" / "reference" / "configuration.md"


@dataclass
class Told:
    first: int = 1  # beside
    # above, in two
    # lines
    second: float = positive(1.0, 2)
    third: int = within(3, 1, 9)


def test_the_docs_are_as_they_would_be_made_now() -> None:
    assert DOCS.read_text() == reference(), "write them anew: make docs"


def test_comments_are_meanings() -> None:
    assert comments(Told) == {"first": "beside", "second": "above, in two lines", "third": ""}


def test_every_key_is_in_it() -> None:
    text = DOCS.read_text()
    for group in ("architecture", "workload", "cluster", "tracking", "campaign"):
        assert all(f"`{group}.{key}`" in text for key in schema.defaults()[group])
    assert "| `strategy.top_k.k` | whole number | `8` | from 1 to 100,000 |" in text
    assert "| `cluster.exclusive` | core, numa, node | `core` |" in text
