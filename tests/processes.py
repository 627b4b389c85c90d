"""Processes of this machine; each may end by itself while a test looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import psutil

GONE_SECONDS = 30.0  # until the kernel has put away a process that was killed, on a busy machine


def family(*pids: int) -> list[psutil.Process]:
    """Those of these numbers and all below them, as far as they run; children come last."""
    found = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def runs(pid: int) -> bool:
    """Neither gone nor ended: whoever adopted an orphan may be slow to take note of its end."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def names(processes: Iterable[psutil.Process]) -> Iterator[tuple[psutil.Process, str]]:
    """Each with its name, but for those that are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            yield process, process.name()


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to each that is not gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def end(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to each, and until all are gone: nothing is written behind it."""
    ended = list(processes)
    kill(ended)
    psutil.wait_procs(ended, timeout=GONE_SECONDS)


def connections(processes: Iterable[psutil.Process], kind: str) -> Iterator[Any]:
    """Their sockets of a kind, as `psutil.net_connections` names it."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            yield from process.net_connections(kind=kind)


def heard(processes: Iterable[psutil.Process]) -> set[str]:
    """The addresses at which they listen."""
    return {
        one.laddr.ip for one in connections(processes, "inet") if one.status == psutil.CONN_LISTEN
    }
