"""The driver's side of a measuring child: requests with a deadline, and its death explained."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import harness
from harness.failure import Failure
from harness.measure.slot import Slot
from harness.record.result import Stage

START_SECONDS = 60.0
END_SECONDS = 2.0  # between closing its pipe and having exited
LAST_WORDS = 1 << 14  # bytes of stderr that are looked at
FAULT = "fault: "  # the prefix of what timing.c says about a guard page


@dataclass(frozen=True)
class ChildSettings:
    """`interpreter` and `environment` are for baselines that live in one of their own."""

    slot: Slot
    timer: Path  # the library of harness.measure.native.timing_library
    interpreter: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)
    module: str = "harness.measure.worker"


class Child:
    """A pinned process in a session of its own; `close` leaves nothing of it behind.

    Start and use it from one thread: the kernel ties its life to the thread that started it.
    """

    def __init__(self, settings: ChildSettings) -> None:
        self._errors = _nameless_file()
        self._cores = settings.slot.cores
        start = {
            "cores": settings.slot.cores,
            "numa_node": settings.slot.numa_node,
            "timer": str(settings.timer),
            "parent": os.getpid(),
        }
        try:
            self._process = subprocess.Popen(
                [settings.interpreter, "-s", "-m", settings.module, json.dumps(start)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={
                    "PATH": os.defpath,
                    "PYTHONSAFEPATH": "1",  # no module of the folder that it is started in
                    "PYTHONPATH": str(Path(harness.__file__).parents[1]),
                    **settings.slot.environment(),
                    **settings.environment,
                },
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise
        self._unread = b""
        self._greeting: dict[str, Any] | Failure | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def greeting(self) -> dict[str, Any] | Failure:
        """Waits until the child is ready: the cores it runs on, read back inside it."""
        if self._greeting is None:
            self._greeting = self._on_its_cores(
                self._reply("measure", time.monotonic() + START_SECONDS)
            )
        return self._greeting

    def _on_its_cores(self, greeting: dict[str, Any] | Failure) -> dict[str, Any] | Failure:
        """Linux drops cores that are off-line or not permitted, as long as one is left."""
        if isinstance(greeting, Failure) or greeting["cores"] == sorted(self._cores):
            return greeting
        wanted, found = (",".join(map(str, cores)) for cores in (self._cores, greeting["cores"]))
        self._signal(signal.SIGKILL)
        return Failure("measure", f"the child was to run on cores {wanted}, but runs on {found}")

    def request(
        self, do: str, limit: float, stage: Stage = "measure", /, **arguments: Any
    ) -> dict[str, Any] | Failure:
        """One command of harness.measure.session. After a Failure by death the child is gone."""
        greeting = self.greeting()
        if isinstance(greeting, Failure):
            return greeting
        line = json.dumps({"do": do, **arguments}) + "\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except OSError:
            return self._died(stage)
        reply = self._reply(stage, time.monotonic() + limit, limit)
        if not isinstance(reply, Failure) and "failure" in reply:
            return Failure(**reply["failure"])
        return reply

    def pause(self) -> None:
        """Stop its threads, so that none spins beside the one that is being measured."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End the whole process group and wait for it."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._errors.close()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _reply(
        self, stage: Stage, deadline: float, limit: float = START_SECONDS
    ) -> dict[str, Any] | Failure:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            ready = select.select([descriptor], [], [], max(0.0, left))[0] if left > 0 else []
            if not ready:
                self._signal(signal.SIGKILL)
                self._process.wait()
                return Failure(stage, f"timed out after {limit:g} s")
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return self._died(stage)
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _died(self, stage: Stage) -> Failure:
        self._await_end()
        self._signal(signal.SIGKILL)  # what it may have started; its own status stands
        status = self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LAST_WORDS))
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        fault = next((line.removeprefix(FAULT) for line in said if line.startswith(FAULT)), None)
        last = f" ({said[-1][:200]})" if said else ""
        if fault is not None:
            return Failure(stage, f"{_name(status)}: read or wrote {fault}")
        if status == -signal.SIGKILL:
            return Failure(stage, "killed by SIGKILL, most likely out of memory")
        return Failure(stage, f"{_name(status)}{last}")

    def _await_end(self) -> None:
        """Until it has exited, unreaped, so that the process group's number stays its own."""
        if self._process.returncode is not None:
            return  # it died while it was idle, and `alive` has reaped it
        deadline = time.monotonic() + END_SECONDS
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self._process.pid, flags) is not None:
                return
            time.sleep(0.005)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _nameless_file() -> IO[bytes]:
    """Gone when it is closed; for what a child says on stderr, however much that is."""
    return tempfile.TemporaryFile()


def _name(status: int) -> str:
    if status >= 0:
        return f"the measuring child ended with status {status}"
    number = signal.Signals(-status)
    return f"{number.name} ({signal.strsignal(number)})"
