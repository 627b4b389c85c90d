"""What happens in the other process stays there, and it always ends."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import pytest

from tests.mutation.isolation import Died, isolated


def test_an_answer_comes_back() -> None:
    assert isolated(lambda: {"pid": os.getpid()}, 5.0)["pid"] != os.getpid()


def test_a_crash_is_told_with_its_signal() -> None:
    with pytest.raises(Died) as died:
        isolated(lambda: ctypes.memset(8, 0, 8), 5.0)
    assert died.value.number == signal.SIGSEGV and not died.value.timed_out


def test_what_computes_too_long_is_ended() -> None:
    def endless() -> None:
        while True:
            time.process_time()

    with pytest.raises(Died) as died:
        isolated(endless, 0.05)
    assert died.value.timed_out


def test_waiting_for_the_processor_is_no_timeout() -> None:
    def awaits() -> str:
        time.sleep(0.2)
        return "awake"

    assert isolated(awaits, 0.05) == "awake"


def test_an_exception_is_a_death_that_says_why() -> None:
    def fails() -> None:
        raise ValueError("no such tensor")

    with pytest.raises(Died, match="no such tensor"):
        isolated(fails, 5.0)
