from __future__ import annotations

from harness.cli.asked import Configured
from harness.cli.commands import COMMANDS
from harness.cli.reference import reference
from harness.cli.words import words_of
from harness.conf_files import CONF, keys

DOCS = CONF.parent / "docs" / "reference" / "commands.md"


def test_the_docs_are_as_they_would_be_made_now() -> None:
    assert DOCS.read_text() == reference(), "write them anew: make docs"


def test_every_word_and_key_is_in_them() -> None:
    text = reference().replace("\\|", "|")
    for command in COMMANDS.values():
        section = text.partition(f"\n## {command.name}\n")[2].partition("\n## ")[0]
        shared = words_of(Configured) if issubclass(command.asked, Configured) else {"help": None}
        for name, word in words_of(command.asked).items():
            assert name in shared or word.written in section
        assert all(line in section for line, _ in command.examples)
    section = text.partition("\n## Configuration\n")[2]
    assert all(word.written in section for n, word in words_of(Configured).items() if n != "help")
    assert all(f"`{key.name}={key.default}`" in section for key in keys())
