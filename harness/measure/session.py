"""What the measuring child does on request: load, verify, time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.load import Executable, LoadError, buffer_bytes, load
from harness.kernel.problem_data import ProblemData
from harness.kernel.verify import verify
from harness.measure.budget import MeasureSettings
from harness.measure.native import Timer
from harness.measure.sample import Timed
from harness.measure.search import time_candidate, time_finalists

Reply = dict[str, Any]
TICKS = Path("/proc/stat")
TIMING_GARBAGE = np.zeros(1)


class Session:
    """One executable at a time; the problem's data is read once and kept.

    `timing` makes the timer of a library: tests replay one.
    """

    def __init__(
        self, timer: Path, cores: tuple[int, ...], timing: Callable[[Path], Timer] = Timer
    ) -> None:
        self.timer = timing(timer)
        self.cores = cores
        self._executable: Executable | None = None
        self._data: tuple[str, ProblemData] | None = None

    @property
    def executable(self) -> Executable:
        if self._executable is None:
            raise LoadError("no executable has been loaded")
        return self._executable

    def load(self, executable: Mapping[str, Any]) -> Reply:
        self._close()
        self._executable = load(executable)
        return {"describe": self._executable.describe()}

    def _close(self) -> None:
        if self._executable is not None:
            self._executable.close()
            self._executable = None

    def verify(self, data: str, factor: float) -> Reply:
        """The worst errors; a wrong result is a failure."""
        held = self._problem(data)
        timer, threads = self.timer, len(self.cores)
        found = verify(self.executable, held, factor, timer.watch, threads, timer.call)
        if isinstance(found, Failure):
            return {"failure": {"stage": found.stage, "reason": found.reason}}
        return asdict(found)

    def bind(self, data: str) -> Reply:
        """Inputs in fresh memory, laid out for timing."""
        self.executable.bind(self._problem(data).timed, "timing", TIMING_GARBAGE)
        return {"describe": self.executable.describe()}

    def burst(
        self,
        samples: int,
        seconds: float,
        settle_seconds: float,
        settle_calls: int,
        cold: bool,
    ) -> Reply:
        """Untimed calls, then samples of about `seconds` each (of one call where cold)."""
        stolen = _stolen_ticks(self.cores)
        per_call = self._settle(settle_seconds, settle_calls)
        calls = 1 if cold else max(1, round(seconds / per_call))
        timed: list[Timed] = []
        for _ in range(samples):
            if cold:
                self.timer.evict(self.executable)
            timed.append(self.timer.sample(self.executable, calls))
        steal = ("steal",) if _stolen_ticks(self.cores) > stolen else ()
        return {"samples": [[t.seconds, t.calls, [*t.flags, *steal]] for t in timed]}

    def candidate(
        self,
        executable: Mapping[str, Any],
        data: str,
        best: float | None,
        settings: Mapping[str, Any],
        verified: bool,
    ) -> Reply:
        """Load, verify (unless it has been) and time one candidate of a search."""
        chosen = MeasureSettings(**settings)
        self.load(executable)
        reply = {} if verified else self.verify(data, chosen.tolerance_factor)
        if "failure" in reply:
            return reply
        self.bind(data)
        found = time_candidate(self._calls(self.executable, chosen), best, chosen)
        return {
            **reply,
            "seconds": found.seconds,
            "median": found.median,
            "samples": found.samples,
            "gave_up": found.gave_up,
        }

    def final(
        self, executables: Sequence[Mapping[str, Any]], data: str, settings: Mapping[str, Any]
    ) -> Reply:
        """Time verified candidates against each other, all of them bound at once.

        Those that half of the free memory does not hold stay outside: `seconds` has None for them.
        """
        chosen = MeasureSettings(**settings)
        self._close()
        held: list[Executable] = []
        try:
            for spec in executables[: _fitting(executables)]:
                held.append(load(spec))
                held[-1].bind(self._problem(data).timed, "timing", TIMING_GARBAGE)
            final = time_finalists([self._calls(one, chosen) for one in held], chosen)
        finally:
            for one in held:
                one.close()
        missing = [None] * (len(executables) - len(held))
        return {"seconds": [*final.seconds(), *missing]}

    def _calls(self, executable: Executable, settings: MeasureSettings) -> Callable[[int], float]:
        """Seconds of one call of an executable, hot or cold."""

        def hot(calls: int) -> float:
            return self.timer.sample(executable, calls).seconds

        def cold(calls: int) -> float:
            self.timer.evict(executable)
            return self.timer.sample(executable, 1).seconds

        return cold if settings.cache == "cold" else hot

    def _settle(self, seconds: float, calls: int) -> float:
        """Call until both limits are met or four times the first is spent; seconds of one call."""
        best, spent, made, batch = float("inf"), 0.0, 0, 1
        while (spent < seconds or made < calls) and spent < 4 * seconds:
            timed = self.timer.sample(self.executable, batch)
            best = min(best, timed.seconds)
            spent += timed.seconds * batch
            made += batch
            batch = min(2 * batch, max(1, int((seconds - spent) / best)))
        return best

    def _problem(self, folder: str) -> ProblemData:
        if self._data is None or self._data[0] != folder:
            self._data = (folder, problem_data.read(Path(folder)))
        return self._data[1]


def _fitting(executables: Sequence[Mapping[str, Any]]) -> int:
    """How many of the first executables half of the free memory holds; two at least."""
    left = psutil.virtual_memory().available // 2
    for count, spec in enumerate(executables):
        left -= buffer_bytes(spec)
        if left < 0:
            return max(2, count)
    return len(executables)


def _stolen_ticks(cores: tuple[int, ...]) -> int:
    """Time the hypervisor gave to others, summed over cores, in clock ticks (10 ms)."""
    try:
        lines = TICKS.read_text().splitlines()
    except OSError:
        return 0
    wanted = {f"cpu{core}" for core in cores}
    fields = (line.split() for line in lines if line.startswith("cpu"))
    return sum(int(f[8]) for f in fields if f[0] in wanted and len(f) > 8)
