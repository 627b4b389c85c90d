"""docs/reference/primitives.md tells every key that a primitive's file may have, and no other."""

from __future__ import annotations

import re

from compiler.problem.specification import KEYS
from tests.docs.pages import DOCS


def test_every_key_has_its_row() -> None:
    text = (DOCS / "reference" / "primitives.md").read_text()
    keys = text.partition("\n## Keys\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE)) == sorted(KEYS)
