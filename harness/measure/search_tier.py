"""The search tier on the driver's side: many candidates through one child at a time.

Its numbers rank candidates and are never published: minima of few samples, the best timed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from harness.failure import Failure
from harness.kernel.load import ExecutableSpec
from harness.measure.budget import MeasureSettings
from harness.measure.child import Child, ChildSettings


class Searcher(Protocol):
    """A process that times candidates; it may die of one."""

    @property
    def alive(self) -> bool: ...

    def candidate(
        self, executable: ExecutableSpec, best: float | None, verified: bool
    ) -> Mapping[str, Any] | Failure:
        """seconds, median, samples, gave_up, and max_error unless `verified` (it is known)."""
        ...

    def final(self, executables: Sequence[ExecutableSpec]) -> Mapping[str, Any] | Failure:
        """`seconds` of each, timed against each other; None for what was left out."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Searched:
    """What the search found of one candidate: the minimum; `retimed` is a finalist's in the final.

    Of several passes the least counts; it gave up only if it did so in all of them. `at` is when
    the first of them knew it, in seconds since the search began.
    """

    seconds: float | None = None
    median: float | None = None
    samples: int = 0
    gave_up: bool = False
    max_error: float | None = None
    retimed: float | None = None
    at: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class SearchRun:
    """One entry for each candidate, in their order; `drift` is sentinel seconds / the first ones.

    `best` is None when every candidate failed.
    """

    found: tuple[Searched, ...]
    best: int | None
    drift: tuple[float, ...] = field(default=())


def search_tier(
    executables: Sequence[ExecutableSpec],
    start: Callable[[], Searcher],
    settings: MeasureSettings,
) -> SearchRun:
    """Verify and time each candidate; the finalists are timed again and the fastest one wins.

    A second pass runs backwards through the candidates, so that a drift of the machine's speed
    meets each candidate early and late.
    """
    race = _Race(executables, start, settings)
    try:
        return race.run()
    finally:
        race.close()


class _Race:
    def __init__(
        self,
        executables: Sequence[ExecutableSpec],
        start: Callable[[], Searcher],
        settings: MeasureSettings,
    ) -> None:
        self._executables = executables
        self._start = start
        self._settings = settings
        self._searcher: Searcher | None = None
        self._found: list[Searched] = []
        self._drift: list[float] = []
        self._began = time.monotonic()

    def run(self) -> SearchRun:
        order = range(len(self._executables))
        self._found = [Searched()] * len(order)
        sentinel: int | None = None
        best: float | None = None
        for made in range(self._settings.search_passes):
            self.close()  # where a process's pages lie moves its times: another pass, others
            for count, index in enumerate(order[::-1] if made % 2 else order, start=1):
                if self._found[index].failure is not None:
                    continue
                again = self._timed(index, best, verified=made > 0)
                found = again if made == 0 else _least(self._found[index], again)
                self._found[index] = found
                if found.seconds is not None and not found.gave_up:
                    best = found.seconds if best is None else min(best, found.seconds)
                    sentinel = index if sentinel is None else sentinel
                if sentinel is not None and count % self._settings.sentinel_every == 0:
                    self._time_sentinel(sentinel)
        winner = self._winner()  # which times the finalists again
        return SearchRun(tuple(self._found), winner, tuple(self._drift))

    def close(self) -> None:
        if self._searcher is not None:
            self._searcher.close()
            self._searcher = None

    def _winner(self) -> int | None:
        """The best few again, against each other: the winner of a noisy race is flattered.

        The first candidate, which is the ranking's own choice, is always among them.
        """
        seconds = {
            index: found.seconds
            for index, found in enumerate(self._found)
            if found.seconds is not None and not found.gave_up
        }
        finalists = sorted(seconds, key=lambda index: seconds[index])
        if len(finalists) < 2:
            return finalists[0] if finalists else None
        best = finalists[0]
        finalists = finalists[: self._settings.search_finalists]
        if self._found[0].seconds is not None and 0 not in finalists:
            finalists.append(0)
        again = self._final(finalists)
        for index, retimed in zip(finalists, again, strict=True):
            self._found[index] = replace(self._found[index], retimed=retimed)
        timed = [index for index in finalists if self._found[index].retimed is not None]
        return min(timed, key=lambda index: self._found[index].retimed or 0.0, default=best)

    def _final(self, finalists: Sequence[int]) -> Sequence[float | None]:
        """Seconds of each finalist; all None where the final did not end."""
        reply = self._alive().final([self._executables[index] for index in finalists])
        return [None] * len(finalists) if isinstance(reply, Failure) else reply["seconds"]

    def _time_sentinel(self, sentinel: int) -> None:
        again = self._timed(sentinel, None, verified=True).seconds
        first = self._found[sentinel].seconds
        if again is not None and first is not None:
            self._drift.append(again / first)

    def _alive(self) -> Searcher:
        if self._searcher is None or not self._searcher.alive:
            self.close()
            self._searcher = self._start()
        return self._searcher

    def _timed(self, index: int, best: float | None, verified: bool) -> Searched:
        reply = self._alive().candidate(self._executables[index], best, verified)
        if isinstance(reply, Failure):
            return Searched(at=time.monotonic() - self._began, failure=reply)
        return Searched(
            at=time.monotonic() - self._began,
            seconds=reply["seconds"],
            median=reply["median"],
            samples=reply["samples"],
            gave_up=reply["gave_up"],
            max_error=reply.get("max_error"),
        )


def _least(one: Searched, other: Searched) -> Searched:
    """Of two passes: the one that did not give up, else the faster; a failure counts for both."""
    if other.failure is not None or other.seconds is None or one.seconds is None:
        return replace(other, at=one.at)
    better = min(one, other, key=lambda found: (found.gave_up, found.seconds))
    return replace(better, samples=one.samples + other.samples, max_error=one.max_error, at=one.at)


class SearchProcess:
    """A real child; answers `Searcher`."""

    def __init__(self, child: ChildSettings, data: Path, settings: MeasureSettings) -> None:
        self._child = Child(child)
        self._data = data
        self._settings = settings

    @property
    def alive(self) -> bool:
        return self._child.alive

    def candidate(
        self, executable: ExecutableSpec, best: float | None, verified: bool
    ) -> Mapping[str, Any] | Failure:
        return self._child.request(
            "candidate",
            self._settings.time_limit,
            "measure" if verified else "verify",
            executable=dict(executable),
            data=str(self._data),
            best=best,
            settings=asdict(self._settings),
            verified=verified,
        )

    def final(self, executables: Sequence[ExecutableSpec]) -> Mapping[str, Any] | Failure:
        return self._child.request(
            "final",
            self._settings.time_limit * len(executables),
            executables=[dict(one) for one in executables],
            data=str(self._data),
            settings=asdict(self._settings),
        )

    def close(self) -> None:
        self._child.close()
