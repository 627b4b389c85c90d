"""Every command of a page is marked, and reads: tests/docs/commands.py says what that is."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cli.asked import Configured, Run
from harness.cli.parser import asked_of, command_named
from harness.conf_files import CONF
from harness.plan import planned
from harness.record.journal import recorded_schedule
from harness.settings import load_settings, resumed_alone
from tests.docs.commands import (
    LANGUAGES,
    MARKED,
    MARKS,
    Command,
    fences,
    in_blocks,
    in_comments,
    in_experiments,
    in_text,
)
from tests.docs.folder import write_files
from tests.docs.pages import DOCS, PAGES, ROOT, name

# What a reader puts in for a word in capitals, where a configuration needs a real one.
STAND_INS = {
    "COMMAND": "show",
    "LINE": "broadcast/vector:n.16/order:m+n+k",
    "NETWORK": "overfeat",
    "OVERRIDES": "primitive=matmul",
    "strategy=NAME": "strategy=polydl",
}
PLENTY = 2**60  # bytes: whether a plan fits is this machine's matter
NOT_INSTALLED = DOCS / "how-to" / "strategy.md"  # its package: `make soak` follows the page
READ: set[tuple[str, ...]] = set()
COMMANDS = [
    *(one for page in MARKED for one in (*in_blocks(page), *in_text(page))),
    *(one for page in PAGES if page not in MARKED for one in in_experiments(page)),
    *(one for page in sorted(CONF.rglob("*.yaml")) for one in in_comments(page)),
]


@pytest.mark.parametrize("page", MARKED, ids=name)
def test_every_block_says_what_it_is(page: Path) -> None:
    """So that no command can stand where no test looks."""
    for line, info, text in fences(page):
        language, _, mark = info.partition(" ")
        known = mark in MARKS if language == "sh" else info in LANGUAGES
        assert known, f"{name(page)}:{line}: ```{info}"
        told = re.search(r"^(polydl|make|pip|ray|python) \S", text, re.MULTILINE)
        assert language in ("sh", "text", "yaml") or not told, f"{name(page)}:{line}"
    assert not re.search(r"^    (polydl|make|pip) ", page.read_text(), re.MULTILINE)


def test_there_are_commands_of_every_mark() -> None:
    assert {command.mark for command in COMMANDS} == set(MARKS)
    assert len(COMMANDS) > 150


@pytest.mark.parametrize("page", sorted({c.page for c in COMMANDS}), ids=name)
def test_commands_read(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, page)
    told = [command for command in COMMANDS if command.page == page]
    script = "\n".join(command.text for command in told)
    subprocess.run(["bash", "-n", "-c", script], check=True)
    for command in told:
        for words in command.parts:
            same = tuple(word for word in words if not word.startswith("campaign.name="))
            if command.mark != "run" and same not in READ:  # several pages tell it
                READ.add(same)
                read(words, command)


def read(words: tuple[str, ...], command: Command) -> None:
    program, *rest = words
    if program == "polydl":
        read_polydl([stood_in(word) for word in rest], command)
    elif program == "make" and "-C" not in rest:
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in rest if "=" not in word} <= set(targets), command
    elif program == "python" and rest[0] == "-m":
        assert find_spec(rest[1]), command


def stood_in(word: str) -> str:
    for stands, value in STAND_INS.items():
        word = re.sub(rf"\b{stands}\b", value, word)
    return word


def read_polydl(words: list[str], command: Command) -> None:
    if words == ["--version"]:
        return
    kind = command_named(words[0])
    rest = words[1:]
    if not rest or "--help" in rest:
        return
    asked = asked_of(kind, rest)
    if not isinstance(asked, Configured) or asked.wants_information:
        return
    if resumed_alone(rest) is not None or command.page == NOT_INSTALLED:
        return
    settings = load_settings(rest, kind.reader)
    if isinstance(asked, Run):
        assert planned(settings, "toy", PLENTY, recorded_schedule).units, command
