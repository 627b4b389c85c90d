from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.cli.signals import Ended, ended_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_begun_is_taken_away(number: int) -> None:
    taken = []
    with pytest.raises(Ended) as ended, ended_by_signals():
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            taken.append(number)
            assert signal.getsignal(number) == signal.SIG_DFL  # a second one ends it at once
    assert taken == [number]
    assert ended.value.status == 128 + number


def test_handlers_are_given_back_and_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_command_line_tells_the_signal() -> None:
    code = (
        "import os, signal, sys; from harness import cli\n"
        "cli._answered = lambda words: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "polydl doctor: ended by SIGTERM\n")
