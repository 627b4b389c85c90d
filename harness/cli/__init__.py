"""The command line: reads what a command is asked for and hands it to that command's own file.

Nothing heavy is imported before the command is known, so that every `--help` answers at once.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import TextIO

from compiler.errors import CompilerError, printable, shown
from harness.cli import rooms
from harness.cli.asked import HELP, Configured
from harness.cli.completion import COMPLETE, answer
from harness.cli.notices import shown_notices
from harness.cli.parser import asked_of, command_help, command_named, general_help
from harness.cli.signals import Ended, ended_by_signals
from harness.cli.unforeseen import STATUS, kept_from_threads
from harness.cli.unforeseen import told as unforeseen
from harness.errors import HarnessError

# What the system refuses is no fault of the program: full, forbidden, too many, too long a name.
_REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENAMETOOLONG, errno.ELOOP),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status; what goes wrong is one line on stderr."""
    _never_failing_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    where = f"polydl {shown(words[0], 40)}" if words else "polydl"
    with kept_from_threads(), ended_by_signals():
        try:
            status = _answered(words)
            sys.stdout.flush()
            return status
        except (HarnessError, CompilerError) as error:
            told, status = f"{where}: {error}", 2
        except Ended as signal:
            told, status = _with_notes(f"{where}: ended by {signal.name}", signal), signal.status
        except KeyboardInterrupt as interrupt:
            told, status = _with_notes(f"{where}: interrupted", interrupt), 130
        except MemoryError:
            told, status = f"{where}: not enough memory", 2
        except BrokenPipeError:  # nobody reads any more
            told, status = "", 1
        except Exception as fault:
            if isinstance(fault, OSError) and fault.errno in _REFUSED:
                at = "" if fault.filename is None else f"{shown(fault.filename, 120)}: "
                told, status = f"{where}: {at}{shown(fault)}", 2
            else:
                told, status = unforeseen(fault, where), STATUS
        for stream, text in ((sys.stdout, ""), (sys.stderr, f"{told}\n" if told else "")):
            _finish(stream, text)
        return status


def _answered(words: Sequence[str]) -> int:
    if not words or words[0] in HELP:
        sys.stdout.write(general_help())
        return 0 if words else 2
    if words[0] == "--version":
        sys.stdout.write(f"polydl {version('polydl')}\n")
        return 0
    name, *rest = words
    if name == COMPLETE:
        return answer(rest)
    command = command_named(name)
    if any(word in HELP for word in rest):
        sys.stdout.write(command_help(command, rest))
        return 0
    asked = asked_of(command, rest)
    information = isinstance(asked, Configured) and asked.wants_information
    with shown_notices():
        return rooms.command("information" if information else command.file)(asked)


def _with_notes(told: str, error: BaseException) -> str:
    """With what a command has to say of its end, such as how to go on."""
    return printable("; ".join([told, *getattr(error, "__notes__", ())]))


def _finish(stream: TextIO, text: str) -> None:
    """Write the last words; what a stream no longer takes is lost, also to Python's own exit."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _never_failing_streams() -> None:
    """Somewhere to print, with an escape for what a terminal's or a pipe's encoding lacks."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
