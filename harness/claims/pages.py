"""Tables of Markdown pages made anew: what stands between `<!-- table NAME -->` and its end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from harness.claims.claim import Claims
from harness.claims.records import Records, Unanswered
from harness.claims.tables import TABLES
from harness.errors import RecordError, SettingsError
from harness.nearest import listed
from harness.outside import read_text

END = "<!-- end of table -->"
_BLOCK = re.compile(r"^<!-- table (?P<name>[\w.-]+) -->\n(?P<body>.*?)^" + END, re.M | re.S)
_START = re.compile(r"^<!-- table ", re.M)


def pages_of(root: Path) -> tuple[Path, ...]:
    """README, docs and the READMEs of experiments, of a checkout."""
    found = (root / "README.md", *root.glob("docs/**/*.md"), *root.glob("experiments/*/README.md"))
    return tuple(sorted(path for path in found if path.is_file()))


def made_anew(page: Path, claims: Claims, read: Callable[[Path], Records] = Records.of) -> str:
    """The page's text with every table made from its records. Raises SettingsError."""
    text = read_text(page)
    if len(_START.findall(text)) != len(_BLOCK.findall(text)):
        raise SettingsError(f"{page}: a table begins that has no end: {END}")
    return _BLOCK.sub(lambda block: _block(block, page, claims, read), text)


def tables_of(text: str) -> Iterator[str]:
    """The names of the tables that stand in a page."""
    for block in _BLOCK.finditer(text):
        yield block["name"]


def without_tables(text: str) -> str:
    """What stands beside the tables."""
    return _BLOCK.sub("", text)


def _block(
    block: re.Match[str], page: Path, claims: Claims, read: Callable[[Path], Records]
) -> str:
    name = block["name"]
    if name not in claims.tables:
        raise SettingsError(f"{page}: unknown table '{name}'; {listed(name, claims.tables)}")
    return f"<!-- table {name} -->\n{_made(name, claims, read)}{END}"


def _made(name: str, claims: Claims, read: Callable[[Path], Records]) -> str:
    """The table, or what would make its records where there are none yet."""
    plan = claims.tables[name]
    campaign = claims.campaigns[plan.campaign]
    try:
        records = read(claims.folder / campaign.records)
        return TABLES[plan.shows].made(records, plan.of)
    except (Unanswered, RecordError) as reason:
        return f"({reason}: `{campaign.command}`, {campaign.minutes:g} minutes)\n"


def changed(root: Path, claims: Claims) -> Mapping[Path, str]:
    """The new texts of those pages that are not what their records make of them."""
    read = cache(Records.of)
    made = {page: made_anew(page, claims, read) for page in pages_of(root)}
    return {page: text for page, text in made.items() if text != read_text(page)}
