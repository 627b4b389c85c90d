"""Campaigns with something dying under them, once each, and what has to hold afterwards.

Every instant is another one; tests/soak has hundreds of each.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import psutil
import pytest

from harness.cluster.pool import Event, Pool
from harness.cluster.ray_pool import RayPool
from harness.cluster.slots import lock_folder
from harness.record.result import TrialResult
from harness.settings import load_settings
from harness.trial import UnitOutcome
from harness.unit import Unit
from tests.harness.campaigns import BRIEF, plan_from

CAMPAIGN = "toy"  # of tests.harness.campaigns.plan_from
INSTANTS = 4  # until a fault finds something to strike
ATTEMPTS = 5  # room for faults of the machine's own, when it is loaded
PATIENT = (f"cluster.attempts={ATTEMPTS}", "cluster.silent_seconds=5")
TINY = ("primitive=matmul", "primitive.sizes={m: 16, n: 16, k: 16}", "baseline=[]", *BRIEF)
GONE_SECONDS = 60.0

Answers = list[tuple[Unit, UnitOutcome]]


def seeded() -> random.Random:
    """A generator whose seed is told where a test fails, so that an instant can be repeated."""
    seed = int(os.environ.get("POLYDL_FAULT_SEED", secrets.randbelow(2**32)))
    print(f"POLYDL_FAULT_SEED={seed}")
    return random.Random(seed)


def tiny_units(count: int) -> list[Unit]:
    """Different problems of well under a second each."""
    sizes = ",".join(str(16 * (i + 1)) for i in range(count))
    return list(plan_from("-m", *TINY, f"primitive.sizes.n={sizes}").units)


@dataclass
class Joined:
    """A pool on a cluster, with what it told its onlooker."""

    address: str
    cache: Path
    options: Sequence[str] = PATIENT
    events: list[Event] = field(default_factory=list)

    @contextmanager
    def pool(self) -> Iterator[RayPool]:
        (settings,) = load_settings(
            [*TINY, "cluster=ray", f"cluster.address={self.address}", *self.options]
        )
        made = RayPool(
            choice=settings.cluster,
            architecture=settings.architecture,
            threads=1,
            campaign=CAMPAIGN,
            cache=self.cache,
            watch=self.events.append,
        )
        with closing(made) as pool:
            yield pool


class TooLate(Exception):
    """The units had ended before what a fault looks for was there."""


def answered(
    pool: Pool,
    units: Sequence[Unit],
    fault: Callable[[], None] = lambda: None,
    after: int = 0,
    delay: float = 0.0,
) -> Answers:
    """Every outcome; `fault` strikes `delay` seconds after the `after`-th one.

    Raises TooLate when it found nothing to strike before the last outcome was there.
    """
    due, over = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def strike() -> None:
        due.wait()
        time.sleep(delay)
        try:
            fault()
        except BaseException as error:
            errors.append(TooLate() if over.is_set() else error)

    thread = threading.Thread(target=strike, daemon=True)
    thread.start()
    for unit in units:
        pool.submit(unit)
    got: Answers = []
    if after == 0:
        due.set()
    for answer in pool.outcomes():
        got.append(answer)
        if len(got) >= after:
            due.set()
    over.set()
    due.set()
    thread.join()
    if errors:
        raise errors[0]
    return got


def struck(
    pool: Pool,
    units: Sequence[Unit],
    fault: Callable[[], None],
    instant: Callable[[], tuple[int, float]],
    restore: Callable[[], None],
) -> Answers:
    """Every outcome of the units with the fault among them: again at another `instant` (`after` and
    `delay`) where it came too late, INSTANTS times.
    """
    for _ in range(INSTANTS):
        after, delay = instant()
        try:
            return answered(pool, units, fault, after, delay)
        except TooLate:
            continue
        finally:
            restore()
    pytest.fail(f"nothing to strike at any of {INSTANTS} instants")


def check_answers(units: Sequence[Unit], got: Answers) -> Counter[str]:
    """Every trial is recorded ok or failed, none is lost, none counted twice."""
    assert Counter(unit.key for unit, _ in got) == Counter(unit.key for unit in units)
    results = [result for _, outcome in got for result in outcome.results]
    assert all(count == 1 for count in Counter(result.trial for result in results).values())
    assert len(results) == sum(len(unit.contenders) for unit in units)
    for result in results:
        assert result.status in ("ok", "failed"), result
        assert (result.reason is None) == (result.status == "ok"), result
    return Counter(result.status for result in results)


def check_no_core_shared(results: Sequence[TrialResult]) -> None:
    """By the records: what two units measured on one core does not overlap in time."""
    for one, other in combinations(results, 2):
        if set(one.cores) & set(other.cores) and _unit(one) != _unit(other):
            assert one.ended <= other.started or other.ended <= one.started, (one, other)


def _unit(result: TrialResult) -> tuple[str, str]:
    return result.campaign, str(result.problem)


def measuring(cache: Path) -> list[psutil.Process]:
    """Children that measure, compile or compute a reference for a build cache."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())  # none of a zombie
        ours = "harness.measure" in command or "/cc1" in command or "gcc" in command
        if ours and str(cache) in command:
            found.append(process)
    return found


def check_nothing_left(cache: Path, campaign: str = CAMPAIGN, scratch: bool = True) -> None:
    """No child, no core's lock and, unless a killed driver could not see to it, no scratch."""

    def left() -> list[object]:
        held = [owner for owner in held_locks() if f"campaign {campaign}\n" in owner]
        return [*(process.info["cmdline"] for process in measuring(cache)), *held]

    deadline = time.monotonic() + GONE_SECONDS  # an agent that stands still is killed in 6 s
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left()
    assert not scratch or not list((cache / "scratch").glob("*"))


def held_locks() -> list[str]:
    """The owners that locks name which are held now."""
    owners = []
    for path in lock_folder().glob("polydl-core-*.lock"):
        with path.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owners.append(file.read())
    return owners


class CoreWatch:
    """Looks all the time for a core with children of two measuring processes."""

    def __init__(self, cache: Path) -> None:
        self.parents: dict[int, set[int]] = {}  # core -> agents that measured on it
        self.clashes: list[str] = []
        self._cache = cache
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> CoreWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.02):
            seen: dict[int, list[tuple[psutil.Process, int]]] = {}
            for process in measuring(self._cache):
                try:
                    start = json.loads(process.cmdline()[-1])
                except (psutil.NoSuchProcess, IndexError, ValueError):
                    continue
                for core in start["cores"]:
                    seen.setdefault(core, []).append((process, start["parent"]))
            for core, found in seen.items():
                self.parents.setdefault(core, set()).update(parent for _, parent in found)
                # a process may have ended since it was listed, before the other one began
                alive = {parent for process, parent in found if process.is_running()}
                if len(alive) > 1:
                    self.clashes.append(f"core {core}: {sorted(alive)}")


def wait_for(found: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {seconds:.0f} s")
        time.sleep(0.02)
