"""A sweep over real Ray nodes that replay, with seeded kills of nodes, agents and the driver.

The campaign is one folder for all its drivers: what is killed is resumed, and in the end every unit
has one line that counts. An interrupted sweep goes on from its folder.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from harness.cluster.slots import lock_folder
from harness.record.journal import CampaignFolder
from tests.harness.cluster.faults import PATIENT
from tests.harness.cluster.ray_cluster import RayCluster
from tests.harness.cluster.test_faults import agents

FIRST_CORE = 1000  # slots are of cores that no machine has
SLOTS = 4  # of a node, and a core for all else
RETURNS_SECONDS = 5.0  # until a killed node is started again
KINDS = (*("agent", "node") * 4, "agent", "driver")
MOST_RUNNING_SECONDS = 4 * 3600.0


@dataclass(frozen=True)
class Strike:
    """What was killed, when the journal held so many lines."""

    kind: str
    lines: int


@dataclass
class Found:
    """Shares of the slots' time that was spent on units that count.

    `busy` is of the time from the first start to the last end; `driven` leaves out the time from a
    driver's end to the first unit of the next one. What a kill takes with it is idle in both.
    """

    units: int
    lines: int = 0
    ok: int = 0
    lost: int = 0
    doubled: int = 0
    repeated: int = 0  # trials with an attempt above 1
    seconds: float = 0.0  # of all drivers, from the first start to the last end
    busy: float = 0.0
    driven: float = 0.0
    driver_bytes: int = 0  # the most that a driver held
    driver_share: float = 0.0  # of one processor, that drivers used
    starts: int = 0
    strikes: list[Strike] = field(default_factory=list)


class ReplayedDriver:
    """A driver in a process of its own, whose memory and processor time are watched."""

    def __init__(self, place: Path, scale: float, words: Sequence[str]) -> None:
        self.most = 0
        self.spent = 0.0
        self.begun = datetime.now(UTC)
        self._log = (place / "driver.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.replayed_driver", str(scale), *words],
            env={**os.environ, "XDG_CACHE_HOME": str(place / "cache")},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._watched = psutil.Process(self.process.pid)

    def look(self) -> bool:
        """Whether it runs."""
        if self.process.poll() is not None:
            return False
        with suppress(psutil.NoSuchProcess):
            self.most = max(self.most, self._watched.memory_info().rss)
            times = self._watched.cpu_times()
            self.spent = times.user + times.system
        return True

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()


@contextmanager
def replaying(nodes: int) -> Iterator[RayCluster]:
    """So many Ray nodes on this machine; the first, which the driver joins, is never killed."""
    cluster = RayCluster()
    try:
        for number in range(nodes):
            start(cluster, number)
        yield cluster
    finally:
        cluster.close()
        for lock in lock_folder().glob(f"polydl-core-{FIRST_CORE // 1000}???.lock"):
            lock.unlink(missing_ok=True)


def start(cluster: RayCluster, number: int) -> None:
    first = FIRST_CORE + number * (1 + SLOTS)
    cluster.add(f"node-{number:02d}", range(first, first + 1 + SLOTS), wait=number == 0)


def sweep(
    place: Path,
    units: int,
    nodes: int,
    kills: int,
    scale: float,
    seed: int = 0,
    tracking: str = "journal",
    told: Callable[[str], None] = lambda line: None,
) -> Found:
    """The whole of it; `scale` is the share of the recorded seconds that a unit sleeps."""
    folder = CampaignFolder(place / "sweep")
    rng = random.Random(seed)
    strikes = strikes_of(units, kills, rng)
    found = Found(units, strikes=strikes)
    times: list[tuple[datetime, datetime]] = []  # of drivers, from start to end
    sizes = f"primitive.sizes.n=range(1,{units // 2 + 1})"
    begun = time.monotonic()
    with replaying(nodes) as cluster:
        where = ("cluster=ray", f"cluster.address={cluster.address}", *PATIENT)
        words = (
            *("-m", "primitive=matmul", "baseline=[]", "strategy=roofline", "measure=quick"),
            *(sizes, "primitive.sizes.m=1,2", f"tracking={tracking}", *where),
        )

        def driver() -> ReplayedDriver:
            begin = "resume" if folder.exists else "dir"
            found.starts += 1
            return ReplayedDriver(place, scale, (*words, f"campaign.{begin}={folder.path}"))

        running = driver()
        waiting = list(strikes)
        gone: list[tuple[float, int]] = []  # when a node is started again, and which
        try:
            while running.look():
                time.sleep(0.2)
                assert time.monotonic() - begun < MOST_RUNNING_SECONDS
                if gone and time.monotonic() >= gone[0][0]:
                    start(cluster, gone.pop(0)[1])
                lines = _lines(folder)
                if not waiting or lines < waiting[0].lines:
                    continue
                strike = waiting.pop(0)
                told(f"{lines} lines: {strike.kind} killed")
                if strike.kind == "driver":
                    _take(found, running)
                    running.close()
                    times.append((running.begun, datetime.now(UTC)))
                    running = driver()
                elif strike.kind == "agent":
                    running_agents = agents(cluster)
                    if running_agents:
                        rng.choice(running_agents).kill()
                else:
                    victim = rng.randrange(1, nodes)
                    if f"node-{victim:02d}" in cluster.names:
                        cluster.kill(f"node-{victim:02d}")
                        gone.append((time.monotonic() + RETURNS_SECONDS, victim))
            _take(found, running)
            times.append((running.begun, datetime.now(UTC)))
            status = running.process.returncode
        finally:
            running.close()
    found.seconds = time.monotonic() - begun
    found.driver_share /= found.seconds
    assert status == 0, (place / "driver.txt").read_text(errors="replace")[-2000:]
    _count(found, folder, nodes * SLOTS, times)
    return found


def strikes_of(units: int, kills: int, rng: random.Random) -> list[Strike]:
    """Spread over the sweep, each a little later than its turn."""
    turns = [(n + 1) * units // (kills + 2) for n in range(kills)]
    later = [rng.randrange(units // 50 + 1) for _ in turns]
    return [
        Strike(KINDS[n % len(KINDS)], turn + more)
        for n, (turn, more) in enumerate(zip(turns, later, strict=True))
    ]


def _take(found: Found, driver: ReplayedDriver) -> None:
    found.driver_bytes = max(found.driver_bytes, driver.most)
    found.driver_share += driver.spent


def _lines(folder: CampaignFolder) -> int:
    """Counted on from where it was last, for the file has millions of bytes."""
    if not folder.results_file.exists():
        return 0
    size, lines = _COUNTED.get(folder.path, (0, 0))
    with folder.results_file.open("rb") as file:
        file.seek(size)
        new = file.read()
    _COUNTED[folder.path] = (size + len(new), lines + new.count(b"\n"))
    return _COUNTED[folder.path][1]


_COUNTED: dict[Path, tuple[int, int]] = {}


def _count(
    found: Found, folder: CampaignFolder, slots: int, drivers: Sequence[tuple[datetime, datetime]]
) -> None:
    times: Counter[str] = Counter()
    keys: set[str] = set()
    measured: list[tuple[datetime, datetime]] = []
    for result in folder.lines():
        times[result.trial] += 1
        keys.add(str(result.problem["name"]))
        found.lines += 1
        found.ok += result.status == "ok"
        found.repeated += result.attempt > 1
        if result.started and result.ended:
            begin, end = map(datetime.fromisoformat, (result.started, result.ended))
            measured.append((begin, end))
    found.lost = found.units - len(keys)
    found.doubled = sum(count - 1 for count in times.values())
    first, last = min(begin for begin, _ in measured), max(end for _, end in measured)
    found.busy = _seconds(measured) / (slots * (last - first).total_seconds())
    stretches = []
    for start, killed in drivers:
        own = [begin for begin, _ in measured if start <= begin < killed]
        if own:
            stretches.append((min(own), min(killed, last)))
    if stretches:  # of all of it, where no part was done by a process before this one
        whole = [one for one in measured if one[0] >= drivers[0][0]]
        found.driven = _seconds(whole) / (slots * _seconds(stretches))


def _seconds(parts: Iterable[tuple[datetime, datetime]]) -> float:
    return sum((end - begin).total_seconds() for begin, end in parts)
