"""The harness's exceptions. A message is one line: where, what, the value, what is allowed."""

from __future__ import annotations

from pathlib import Path

from compiler.errors import message


class HarnessError(Exception):
    """Root of everything the harness refuses."""

    def __str__(self) -> str:
        return message(super().__str__())


class SettingsError(HarnessError):
    """A configuration that cannot be run."""


class EnvironmentProblem(HarnessError):
    """Something the host lacks, with the command that mends it."""


class RecordError(HarnessError):
    """A campaign folder or a record that cannot be read or written."""


class Unreadable(SettingsError):
    """A file that cannot be read within its bounds, or holds something else."""


class Unwritable(SettingsError):
    """A file that the user named and that cannot be written."""


class SchemaError(RecordError):
    """A record of another schema: this version must not guess what it means."""


class Unforeseen(Exception):
    """No refusal: a fault of the program, with the campaign's log that holds its traceback."""

    def __init__(self, fault: Exception, log: Path) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.log = log
