"""docs/reference/glossary.md: what a term names in the code is defined there, and once."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| `([\w/]+\.py)` `(\w+)` \|$", re.M)
TERMS = ROW.findall((ROOT / "docs" / "reference" / "glossary.md").read_text())


def defined(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives to classes, functions, and values of its own."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@cache
def definitions() -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for room in ("compiler", "harness"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for name in set(defined(ast.parse(path.read_text()))):
                found[name].append(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize(("term", "path", "name"), TERMS)
def test_a_term_is_defined_once(term: str, path: str, name: str) -> None:
    assert definitions()[name] == [path]


def test_every_row_is_read_and_no_term_stands_twice() -> None:
    rows = [
        x
        for x in (ROOT / "docs" / "reference" / "glossary.md").read_text().splitlines()
        if "`" in x[1:]
    ]
    terms = [term for term, *_ in TERMS]
    assert len(TERMS) == len([row for row in rows if row.startswith("| ")]) > 40
    assert len(set(terms)) == len(terms)
