"""The pinned child: `python -m harness.measure.worker SETTINGS`, JSON lines in and out.

It does one request after the other and dies with its parent. The protocol has its own file
descriptors: whatever a kernel or a library prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measure.session import Session

PR_SET_PDEATHSIG = 1
MPOL_BIND = 2
SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}  # system call numbers
STAGES = {"prepare": "plan", "load": "verify", "verify": "verify", "candidate": "verify"}


def main(session: Callable[[Path, tuple[int, ...]], object] = Session) -> int:
    """Serve requests: `session(timing library, cores)` has a method for each command."""
    settings = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != settings["parent"]:
        return 1  # the parent died before it could be tied to
    with contextlib.suppress(OSError):  # the first to go when memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000")
    cores = tuple(settings["cores"])
    _pin(cores)
    _bind_memory(libc, settings["numa_node"])
    with os.fdopen(os.dup(0), "r") as requests, os.fdopen(os.dup(1), "w") as replies:
        os.dup2(2, 1)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        serving = session(Path(settings["timer"]), cores)
        _answer(replies, {"cores": sorted(os.sched_getaffinity(0)), "numpy": np.__version__})
        for line in requests:
            _answer(replies, _done(serving, json.loads(line)))
    return 0


def _done(session: object, request: dict[str, Any]) -> dict[str, Any]:
    command = request.pop("do")
    try:
        return dict(getattr(session, command)(**request))
    except MemoryError:
        reason = "out of memory"
    except HarnessError as error:
        reason = str(error)
    except Exception as error:  # anything else is this contender's failure, not the campaign's
        reason = f"{type(error).__name__}: {error}"
    return {"failure": {"stage": STAGES.get(command, "measure"), "reason": reason}}


def _answer(replies: Any, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _pin(cores: tuple[int, ...]) -> None:
    """Every thread that exists (a BLAS may have started some) and those to come."""
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), cores)


def _bind_memory(libc: ctypes.CDLL, node: int | None) -> None:
    number = SET_MEMPOLICY.get(platform.machine())
    if node is None or number is None:
        return
    mask = (ctypes.c_ulong * 16)()
    bits = 8 * ctypes.sizeof(ctypes.c_ulong)
    mask[node // bits] = 1 << (node % bits)
    libc.syscall(number, MPOL_BIND, mask, ctypes.c_ulong(16 * bits))


if __name__ == "__main__":
    sys.exit(main())
