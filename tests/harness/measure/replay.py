"""Replayed contenders: deterministic seconds for a machine, and a clock that they advance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.failure import Failure
from harness.kernel.load import ExecutableSpec
from harness.measure.protocol import Running
from harness.measure.sample import Timed

SecondsOf = Callable[[str, int, int], float | Failure]  # contender, process, burst


@dataclass
class Stage:
    """Records everything that the protocol does to its contenders."""

    seconds_of: SecondsOf
    burst_seconds: float = 0.025  # that the clock advances by
    now: float = 0.0
    bursts: list[tuple[str, int]] = field(default_factory=list)  # contender, process
    open: set[tuple[str, int]] = field(default_factory=set)
    awake: set[str] = field(default_factory=set)
    most_awake: int = 0
    rounds: list[tuple[str, ...]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def start(self, names: Sequence[str], process: int) -> Mapping[str, Running | Failure]:
        self.rounds.append(tuple(names))
        started: dict[str, Running | Failure] = {}
        for name in names:
            ready = self.seconds_of(name, process, -1)
            self.open.add((name, process))
            started[name] = ready if isinstance(ready, Failure) else Replayed(self, name, process)
        return started


@dataclass
class Replayed:
    stage: Stage
    name: str
    process: int
    made: int = 0

    def burst(self) -> tuple[Timed, ...] | Failure:
        stage = self.stage
        stage.most_awake = max(stage.most_awake, len(stage.awake))
        stage.bursts.append((self.name, self.process))
        stage.now += stage.burst_seconds
        seconds = stage.seconds_of(self.name, self.process, self.made)
        self.made += 1
        if isinstance(seconds, Failure):
            return seconds
        return (Timed(seconds, 10), Timed(seconds, 10, ("switched out",)))

    def pause(self) -> None:
        self.stage.awake.discard(self.name)

    def resume(self) -> None:
        self.stage.awake.add(self.name)

    def close(self) -> None:
        self.stage.open.discard((self.name, self.process))


@dataclass
class ReplayedSearcher:
    """Answers `Searcher`; one whose failure says `died` takes the process with it.

    As a session does, it tells errors of those alone that it has been asked to verify. `again` are
    seconds in the final, where they differ.
    """

    seconds: Mapping[str, float | Failure]
    timed: list[str]
    trusted: list[str] = field(default_factory=list)  # timed without being verified
    again: Mapping[str, float | Failure] = field(default_factory=dict)
    finals: list[list[str]] = field(default_factory=list)
    alive: bool = True
    closed: bool = False

    def candidate(
        self, executable: ExecutableSpec, best: float | None, verified: bool
    ) -> Mapping[str, Any] | Failure:
        name = executable["name"]
        self.timed.append(name)
        self.trusted += [name] if verified else []
        found = self.seconds[name]
        if isinstance(found, Failure):
            self.alive = "died" not in found.reason
            return found
        gave_up = best is not None and found > 3 * best
        return {
            "seconds": found,
            "median": found,
            "samples": 5,
            "gave_up": gave_up,
            **({} if verified else {"max_error": 1e-7}),
        }

    def final(self, executables: Sequence[ExecutableSpec]) -> Mapping[str, Any] | Failure:
        names = [str(one["name"]) for one in executables]
        self.finals.append(names)
        found = [self.again.get(name, self.seconds[name]) for name in names]
        return next((f for f in found if isinstance(f, Failure)), {"seconds": found})

    def close(self) -> None:
        self.closed = True
