"""argparse over the table of commands: what the user wrote as a value, and the help texts.

Options are written `key=value`, as overrides are; argparse reads them as `--key=value`.
"""

from __future__ import annotations

import re
from argparse import SUPPRESS, Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any, NoReturn

from compiler.errors import shown
from harness.cli.asked import HELP, Asked, Configured
from harness.cli.commands import COMMANDS, Command
from harness.cli.words import Word, words_of
from harness.conf_files import keys, options
from harness.errors import SettingsError
from harness.nearest import listed
from harness.readers import Reader, reads

WIDTH = 100  # columns of every help text
_KEY = re.compile(r"([A-Za-z_][\w.]*)=(.*)", re.DOTALL)
ABOUT = "A polyhedral compiler for deep-learning primitives inside a benchmarking harness."
FIRST_STEPS = """\
first steps:
  polydl run experiment=quickstart
  polydl run primitive=conv2d primitive.sizes.ic=17 strategy=[roofline,top_k]
  polydl explain workload=resnet50 workload.select=[resnet50_03]
  polydl COMMAND --help                what it takes, with examples

CAMPAIGN is a folder, or a name under ./runs.
Exit status: 0 no trial failed, 1 some failed, 2 the request was wrong, 70 a fault of polydl's own
(the line names the file with its traceback), 130 interrupted, 143 ended by SIGTERM.
"""


def command_named(name: str) -> Command:
    """Raises SettingsError that names the nearest."""
    if name not in COMMANDS:
        known = listed(name, (*COMMANDS, *HELP, "--version") if name[:1] == "-" else COMMANDS)
        raise SettingsError(f"unknown command; {known}")
    return COMMANDS[name]


def asked_of(command: Command, words: Sequence[str]) -> Asked:
    """What was written after the command. Raises SettingsError that says what is known."""
    taken = words_of(command.asked)
    parser = _parsers()[1][command.name]
    found, rest = parser.parse_known_intermixed_args([_dashed(word, command) for word in words])
    if rest:
        raise SettingsError(_refusal(rest[0], command))
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(found).items()
    }
    for name, word in taken.items():
        if word.required and name not in given:
            raise SettingsError(f"{word.written} is missing; usage: {usage(command)}")
    return command.asked(words=tuple(words), **given)


def usage(command: Command) -> str:
    """polydl show CAMPAIGN [TRIAL]"""
    if issubclass(command.asked, Configured):
        return f"polydl {command.name} [OPTIONS] [OVERRIDE...]"
    taken = [word for word in words_of(command.asked).values() if word.names != HELP]
    arguments = [word.usage for word in taken if word.form == "argument"]
    others = [word for word in taken if word.form != "argument"]
    whole = " ".join([f"polydl {command.name}", *arguments, *(word.usage for word in others)])
    if len(f"usage: {whole}") <= WIDTH:
        return whole
    needed = [word.usage for word in others if word.required]
    return " ".join([f"polydl {command.name}", *arguments, *needed, "[KEY=VALUE...]"])


def general_help() -> str:
    """All commands."""
    return _parsers()[0].format_help()


def command_help(command: Command, words: Sequence[str] = ()) -> str:
    """One command's options with their choices, and examples.

    The options of groups include those of a folder that `words` name (--config-dir).
    """
    text = _parsers()[1][command.name].format_help()
    if command.reader is None:
        return text
    head, mark, examples = text.partition("\nexamples:\n")
    configuration = configuration_help(command.reader, config_dirs(words))
    return f"{head}\n{configuration}{mark}{examples}"


def configuration_help(reader: Reader, folders: Sequence[Path] = ()) -> str:
    """The groups with their options and the values with their defaults, as conf/ has them: those
    that change anything."""
    known = [key for key in keys() if reads(reader, key.name)]
    lines = ["groups, GROUP=OPTION or, where a list is the default, GROUP=[OPTION,OPTION]:"]
    for key in (key for key in known if key.is_group):
        lines.append(f"  {key.name}={key.default}")
        lines += _wrapped(key.meaning, 6)
        lines += _wrapped(", ".join(options(key.name, folders)), 6)
    lines += ["", "values, KEY=VALUE; those of a group's file too, as in strategy.top_k.k=50:"]
    for key in (key for key in known if not key.is_group):
        lines.append(f"  {key.name}={key.default}")
        lines += _wrapped(key.meaning, 6)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: int) -> list[str]:
    blank = " " * indent
    return wrap(text, WIDTH, initial_indent=blank, subsequent_indent=blank)


def config_dirs(words: Sequence[str]) -> list[Path]:
    """The folder of --config-dir, wherever it stands."""
    names = ("--config-dir", "-cd")
    found = [value for word in words for key, _, value in [word.partition("=")] if key in names]
    after = [value for word, value in pairwise(words) if word in names]
    return [Path(value) for value in (*found, *after) if value]


class _Formatter(RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=WIDTH)

    def _format_action_invocation(self, action: Action) -> str:
        return str(action.metavar)  # as the user writes it


class _Parser(ArgumentParser):
    """Raises what argparse would print before it ends the process."""

    def error(self, message: str) -> NoReturn:
        missing = message.removeprefix("the following arguments are required: ")
        told = shown(message.removeprefix("argument "), 160)
        if missing != message:
            told = f"{missing} is missing"
        raise SettingsError(f"{told}; usage: {self.usage}")


@cache
def _parsers() -> tuple[_Parser, Mapping[str, _Parser]]:
    """That of `polydl` itself, and its commands' by name."""
    form: dict[str, Any] = {
        "formatter_class": _Formatter,
        "argument_default": SUPPRESS,  # the dataclasses have the defaults
        "allow_abbrev": False,
        "add_help": False,
    }
    listing = [f"  {name:<12} {command.summary}" for name, command in COMMANDS.items()]
    general = _Parser(
        prog="polydl",
        usage="polydl COMMAND ...",
        description="\n".join([ABOUT, "", "commands:", *listing]),
        epilog=FIRST_STEPS,
        **form,
    )
    subparsers = general.add_subparsers(metavar="COMMAND", help=SUPPRESS)
    for command in COMMANDS.values():
        told = [command.notes] if command.notes else []
        lines = [f"  {line}\n      {what}" for line, what in command.examples]
        parser = subparsers.add_parser(
            command.name,
            usage=usage(command),
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="\n".join(["examples:", *lines, *([""] if told else []), *told]),
            **form,
        )
        groups = {title: parser.add_argument_group(title) for title in ("arguments", "options")}
        taken = words_of(command.asked).items()
        for name, word in sorted(taken, key=lambda one: one[1].names == HELP):  # that one last
            group = groups["arguments" if word.form == "argument" else "options"]
            group.add_argument(*_names(name, word), **_action(name, word))
    return general, subparsers.choices


def _names(name: str, word: Word) -> Sequence[str]:
    if word.form == "argument":
        return [name]
    return [f"--{word.name}"] if word.form == "option" else word.names


def _action(name: str, word: Word) -> dict[str, Any]:
    """As ArgumentParser.add_argument takes it."""
    shared = {"help": word.told.replace("%", "%%"), "metavar": word.written}
    if not word.takes_value:
        return {**shared, "action": _Set, "dest": name}
    if word.form == "argument":
        count = {} if word.count == "1" else {"nargs": word.count}
        return {**shared, **count, "type": word.read}
    bare = {} if word.bare is None else {"nargs": "?", "const": word.bare}
    return {**shared, **bare, "dest": name, "type": word.read}


class _Set(Action):
    """A flag without a value."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, nargs=0)

    def __call__(
        self, parser: ArgumentParser, found: Namespace, values: object, option: str | None = None
    ) -> None:
        setattr(found, self.dest, True)


def _dashed(word: str, command: Command) -> str:
    """`port=5000` as argparse reads it. Raises SettingsError for a key that is none."""
    if issubclass(command.asked, Configured):
        return word
    found = _KEY.fullmatch(word)
    known = [one.name for one in words_of(command.asked).values() if one.form == "option"]
    if found is None or found[1] in known:
        return word if found is None else f"--{word}"
    raise SettingsError(f"unknown option '{shown(found[1])}'; {listed(found[1], known)}")


def _refusal(word: str, command: Command) -> str:
    """Of a word that is left over."""
    taken = words_of(command.asked).values()
    if not word.startswith("-"):
        return f"unexpected argument '{shown(word)}'; usage: {usage(command)}"
    name = word.partition("=")[0]
    flags = [name for one in taken if one.form == "flag" for name in one.names]
    keys = [one.name for one in taken if one.form == "option"]
    return f"unknown option '{shown(word)}'; {listed(name, [*flags, *keys])}"
