"""What may have been meant by a name that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from compiler.errors import shown

MOST = 3
_ALIKE = 0.6  # of their letters, as difflib counts; below that it is a guess
_LONGEST = 60  # characters of a name that is compared: the time grows with their square


def listed(wrong: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest known names, then all of them (which may be cut).

    >>> listed("shwo", ["run", "show", "list"]), listed("x", ["run"]), listed("x", [])
    ('nearest: show; known: run, show, list', 'known: run', 'known: none')
    """
    names = list(known)
    near = get_close_matches(wrong[:_LONGEST], names, MOST, _ALIKE)
    told = f"known: {', '.join(names) or 'none'}"
    return f"nearest: {', '.join(shown(name) for name in near)}; {told}" if near else told
