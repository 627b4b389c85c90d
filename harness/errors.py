"""The harness's exceptions. A message is one line: where, what, the value, what is allowed."""


class HarnessError(Exception):
    """Root of everything the harness refuses."""


class SettingsError(HarnessError):
    """A configuration that cannot be run."""


class EnvironmentProblem(HarnessError):
    """Something the host lacks, with the command that mends it."""


class RecordError(HarnessError):
    """A campaign folder or a record that cannot be read or written."""
