"""Work in a process of its own, which may crash, never end or write anywhere."""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import tempfile
import warnings
from collections.abc import Callable
from typing import IO, Any

import psutil

STUCK_SECONDS = 60.0  # of wall time in which it has computed nothing


class Died(Exception):
    """The process ended without an answer; `number` is the signal that ended it."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(said)
        self.number = number

    @property
    def timed_out(self) -> bool:
        return self.number in (signal.SIGPROF, signal.SIGKILL)


def isolated(work: Callable[[], Any], seconds: float) -> Any:
    """What `work` returns, as JSON carries it, within `seconds` of processor time; raises Died.

    A machine that is busy with others makes nothing time out.
    """
    read, write = os.pipe()
    with tempfile.TemporaryFile() as said:
        with warnings.catch_warnings():  # of threads, which are idle or those of numpy's BLAS
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            os.close(read)
            _answer(work, seconds, write, said)
        os.close(write)
        with open(read, "rb") as answer:
            seen, before = 0.0, -1.0
            while seen > before and not select.select([answer], [], [], STUCK_SECONDS)[0]:
                seen, before = sum(psutil.Process(child).cpu_times()[:2]), seen
            if seen <= before:
                os.kill(child, signal.SIGKILL)
            found = answer.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0 and found:
            return json.loads(found)
        said.seek(0)
        raise Died(-status, said.read().decode(errors="replace"))


def _answer(work: Callable[[], Any], seconds: float, write: int, said: IO[bytes]) -> None:
    """Runs in the child and does not return."""
    status = 1
    try:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        faulthandler.disable()  # pytest's would tell of a crash where its output goes
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        with open(write, "wb") as answer:
            answer.write(json.dumps(work()).encode())
        status = 0
    except BaseException as error:
        os.write(2, repr(error).encode())
    finally:
        os._exit(status)
