"""docs/reference/commands.md, from the table of commands: `make docs` writes it, tests compare."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from harness.cli.asked import HELP, Configured
from harness.cli.commands import COMMANDS, Command
from harness.cli.parser import usage
from harness.cli.words import Word, words_of
from harness.conf_files import keys
from harness.readers import reads

_BAR = "\\|"  # would end a cell
HEAD = """\
# Commands

Made by `make docs` from `harness/cli/` and `conf/`. `polydl COMMAND --help` says the
same.

Options are written `key=value`, as what is set in the configuration is; arguments and options may
stand in any order. A mistake is one line that names what is nearest, with exit status 2;
[limits.md](limits.md) lists the others.
"""


def reference() -> str:
    """The whole text."""
    lines = [HEAD]
    for command in COMMANDS.values():
        lines += _section(command)
    lines += _configuration()
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    yield f"{command.summary[0].upper()}{command.summary[1:]}. {command.notes}".rstrip()
    own = words_of(command.asked)
    if issubclass(command.asked, Configured):
        yield "It works on a [configuration](#configuration), whose options it takes too."
        yield f"Refused, since they change nothing here: {', '.join(map(_code, _unread(command)))}."
        own = {name: word for name, word in own.items() if name not in words_of(Configured)}
    yield f"```text\n{usage(command)}\n```"
    yield from _words(own.values())
    examples = [f"{line}\n    # {what}" for line, what in command.examples]
    yield "\n".join(["```sh slow", *examples, "```", ""])


def _unread(command: Command) -> dict[str, None]:
    """First parts of keys, in the file's order."""
    reader = command.reader
    roots = (key.name.partition(".")[0] for key in keys())
    return {root: None for root in roots if reader is not None and not reads(reader, root)}


def _configuration() -> Iterator[str]:
    yield "## Configuration"
    yield "Options of `run`, `explain` and `doctor`:"
    yield from _words(words_of(Configured).values())
    yield "One file or method of each group, several where a list is the default"
    yield "(`strategy=[roofline,top_k]`); `polydl run --help` lists them:"
    yield _table(("group and default", "what it is"), _rows(groups=True))
    yield "Values, beside those of a group, which are set alike (`strategy.top_k.k=50`) and stand"
    yield "in [configuration.md](configuration.md); `polydl run --cfg job OVERRIDES` prints all:"
    yield _table(("value and default", "what it is"), _rows(groups=False))


def _rows(groups: bool) -> list[tuple[str, str]]:
    found = [key for key in keys() if key.is_group == groups]
    return [(_code(f"{key.name}={key.default}"), key.meaning) for key in found]


def _words(words: Iterable[Word]) -> Iterator[str]:
    """A table of them, arguments first."""
    told = [word for word in words if word.names != HELP]
    told.sort(key=lambda word: word.form != "argument")
    if told:
        yield _table(("word", "what it is"), [(_code(word.written), word.told) for word in told])


def _code(text: str) -> str:
    return f"`{text}`"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [headings, ["---"] * len(headings), *rows]
    lines = [f"| {' | '.join(cell.replace('|', _BAR) for cell in row)} |" for row in cells]
    return "\n".join(["", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(reference())
