"""Whole numbers as texts give them: digits, but not thousands of them."""

from __future__ import annotations

from harness.errors import SettingsError

MOST_DIGITS = 18  # of a number that 64 bits hold


def whole(digits: str) -> int:
    """The number that a text of digits is. Raises SettingsError for one of too many."""
    if len(digits) > MOST_DIGITS:
        raise SettingsError(f"a number of {len(digits)} digits; {MOST_DIGITS} are allowed")
    return int(digits)
