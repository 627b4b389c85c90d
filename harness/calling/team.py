"""OpenMP's threads and forks: a child has none of them, and would wait for them for ever."""

from __future__ import annotations

import os
from collections.abc import Callable

from harness.errors import EnvironmentProblem

_started = False  # a kernel has run on several threads in this process, or in the one it came from
_lost = False  # and that was before a fork


def in_a_team(name: str, run: Callable[[int], None]) -> Callable[[int], None]:
    """The call of a kernel on several threads, which raises EnvironmentProblem in such a child."""

    def checked(address: int) -> None:
        global _started
        if _lost:
            raise EnvironmentProblem(
                f"{name}: runs on several threads, which this process lost when it was forked; "
                "start processes by multiprocessing's spawn, or take threads=1"
            )
        _started = True
        run(address)

    return checked


def _forked() -> None:
    global _lost
    _lost = _started


os.register_at_fork(after_in_child=_forked)
