"""polydl help: all commands, or what one of them takes."""

from __future__ import annotations

import sys

from harness.cli.asked import Help
from harness.cli.parser import command_help, command_named, general_help


def main(asked: Help) -> int:
    name = asked.command
    sys.stdout.write(general_help() if name is None else command_help(command_named(name)))
    return 0
