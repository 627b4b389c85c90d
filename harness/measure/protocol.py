"""The report tier: contenders in processes of their own, timed in mirrored blocks, in pairs.

A block is a random permutation of all contenders followed by its mirror, one burst each, so that
a drift of the machine within the block cancels out of every ratio. Nothing here starts a process
or reads a clock by itself: a replayed contender tests the plan and the stop rule without noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from harness.failure import Failure
from harness.measure.budget import MeasureSettings
from harness.measure.sample import Sample, Timed
from harness.measure.statistics import block_ratios, half_width, table


class Running(Protocol):
    """A contender in one process, verified and bound to its inputs."""

    def burst(self) -> tuple[Timed, ...] | Failure: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self) -> None: ...


# All contenders' processes of one round, by name: (names, round) -> running or failed
Start = Callable[[Sequence[str], int], Mapping[str, Running | Failure]]


@dataclass(frozen=True)
class ReportRun:
    """Raw samples of everything that ran; a contender in `failures` has no result."""

    samples: tuple[Sample, ...]
    failures: Mapping[str, Failure]
    stop: str  # half-width, budget, or nothing left
    processes: int
    blocks: int


@dataclass
class _Progress:
    names: list[str]
    samples: list[Sample] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    processes: int = 0
    blocks: int = 0

    def drop(self, name: str, failure: Failure) -> None:
        self.failures[name] = failure
        self.names.remove(name)

    def run(self, stop: str) -> ReportRun:
        return ReportRun(
            tuple(self.samples), dict(self.failures), stop, self.processes, self.blocks
        )


def report_tier(
    contenders: Sequence[str],
    ratios: Sequence[tuple[str, str]],
    start: Start,
    settings: MeasureSettings,
    seed: int = 0,
    pausing: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> ReportRun:
    """Time `contenders` until every (contender, baseline) of `ratios` is known well enough.

    Stops after a block, never before `processes` x `min_blocks`: on `half_width`, or once
    `budget_seconds` are spent. `pausing` stops whoever is not being timed (several threads spin).
    """
    rng = np.random.default_rng(seed)
    deadline = clock() + settings.budget_seconds
    progress = _Progress(list(contenders))
    for process in range(settings.max_processes):
        running = _started(progress, start, process, pausing)
        progress.processes += 1
        try:
            block = 0
            while progress.names:
                _block(progress, running, process, block, rng, pausing)
                block += 1
                progress.blocks += 1
                if process >= settings.processes - 1 and block >= settings.min_blocks:
                    reason = _reason_to_stop(progress, ratios, settings, seed, clock() >= deadline)
                    if reason is not None:
                        return progress.run(reason)
                last = process == settings.max_processes - 1
                if block >= settings.min_blocks and not last:
                    break
        finally:
            for contender in running.values():
                contender.close()
        if not progress.names:
            break
    return progress.run("nothing left")


def _started(progress: _Progress, start: Start, process: int, pausing: bool) -> dict[str, Running]:
    running: dict[str, Running] = {}
    for name, began in start(tuple(progress.names), process).items():
        if isinstance(began, Failure):
            progress.drop(name, began)
        else:
            running[name] = began
            if pausing:
                began.pause()
    return running


def _block(
    progress: _Progress,
    running: Mapping[str, Running],
    process: int,
    block: int,
    rng: np.random.Generator,
    pausing: bool,
) -> None:
    order = [progress.names[i] for i in rng.permutation(len(progress.names))]
    for position, name in enumerate(order + order[::-1]):
        if name not in progress.names:
            continue
        contender = running[name]
        if pausing:
            contender.resume()
        timed = contender.burst()
        if pausing:
            contender.pause()
        if isinstance(timed, Failure):
            progress.drop(name, timed)
            continue
        progress.samples += [
            Sample(name, process, block, position, t.seconds, t.calls, t.flags) for t in timed
        ]


def _reason_to_stop(
    progress: _Progress,
    ratios: Sequence[tuple[str, str]],
    settings: MeasureSettings,
    seed: int,
    spent: bool,
) -> str | None:
    tables = {name: table(progress.samples, name) for name in progress.names}
    if settings.cache == "cold" and any(
        np.isfinite(times).sum() < settings.cold_samples for times in tables.values()
    ):
        return None
    if spent:
        return "budget"
    widths = [
        half_width(block_ratios(tables[baseline], tables[contender]), seed)
        for contender, baseline in ratios
        if contender in tables and baseline in tables
    ]
    return "half-width" if all(width <= settings.half_width for width in widths) else None
