"""The pages that users read, as the tests of this folder read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "experiments").rglob("*.md")),
]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def outside_fences(page: Path) -> str:
    """Its text without blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What can stand behind # in a link: headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", outside_fences(page), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {word.strip().replace(" ", "-") for word in words}
