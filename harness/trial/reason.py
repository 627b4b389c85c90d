"""Why a contender fell, as its record says it."""

from __future__ import annotations

from compiler.errors import CompilerError
from harness.errors import HarnessError


def reason_of(error: Exception) -> str:
    """One line; a surprise carries its type."""
    text = " ".join(str(error).split())
    expected = isinstance(error, CompilerError | HarnessError)
    return text if expected and text else f"{type(error).__name__}: {text}"
