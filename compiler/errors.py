"""The compiler's exceptions. A message says where, what, the value, and what is allowed."""


class CompilerError(Exception):
    """Root of everything the compiler refuses."""


class ProblemError(CompilerError):
    """A primitive, a size or an architecture that cannot be understood."""


class ScheduleError(CompilerError):
    """A schedule that does not parse, does not fit its problem, or breaks a dependence."""
