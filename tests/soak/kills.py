"""Seeded kills by the hundred: one kind after the other, resumable, one line of JSON for each.

The units are short, and a cluster is kept between kills where the kind allows it; one campaign of
a driver's or of links takes several kills. What is counted: trials that are nowhere (lost), and
trials that have more than one counted result (doubled).
"""

from __future__ import annotations

import json
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.cluster.ray_pool import RayPool
from harness.record.journal import CampaignFolder
from harness.record.typed import lines_read
from harness.unit import Unit
from tests.harness.cluster.drivers import Driver, joining, swept
from tests.harness.cluster.faults import Answers, Joined, check_nothing_left, struck, tiny_units
from tests.harness.cluster.namespaces import ENV, LinkedNodes, inside
from tests.harness.cluster.ray_cluster import RayCluster, three_nodes
from tests.harness.cluster.test_faults import kill_a_child, kill_a_node, kill_an_agent

UNITS = 3  # around one kill of a child, an agent or a node
TOGETHER = 4  # kills of one campaign of a driver's, cut links of one campaign
FAR = TOGETHER
NEW = 4  # units that a driver may measure before it is killed, and one more
STARTS = 8.0  # seconds of its start, anywhere in which a driver without a new line is killed
FIELDS = ("trials", "ok", "failed", "lost", "doubled")


@dataclass(frozen=True)
class Kill:
    """One kill and what became of its campaign's trials; `seconds` are those of this kill."""

    kind: str
    number: int
    seed: int
    trials: int
    ok: int
    failed: int
    lost: int
    doubled: int
    seconds: float


Fault = Callable[[RayCluster, random.Random, Path], None]
Strike = Callable[[Sequence[int]], list[Kill]]  # numbers of the kills of one campaign


def seed_of(kind: str, number: int) -> int:
    return zlib.crc32(f"{kind} {number}".encode())


@contextmanager
def _in_a_pool(kind: str, fault: Fault) -> Iterator[Strike]:
    """Kills under one pool on one cluster of three nodes."""
    with TemporaryDirectory() as name:
        cluster, cache = three_nodes(), Path(name)
        try:
            with Joined(cluster.address, cache).pool() as pool:
                yield partial(_under_a_pool, kind, fault, cluster, pool, cache)
        finally:
            cluster.close()


def _under_a_pool(
    kind: str,
    fault: Fault,
    cluster: RayCluster,
    pool: RayPool,
    cache: Path,
    numbers: Sequence[int],
) -> list[Kill]:
    (number,) = numbers
    rng, start = random.Random(seed_of(kind, number)), time.monotonic()
    units = tiny_units(UNITS)
    got = struck(
        pool,
        units,
        lambda: fault(cluster, rng, cache),
        lambda: (rng.randrange(UNITS - 1), rng.uniform(0, 0.6)),
        cluster.restore,
    )
    return [_tally(kind, number, units, got, time.monotonic() - start)]


def _tally(kind: str, number: int, units: Sequence[Unit], got: Answers, seconds: float) -> Kill:
    results = [result for _, outcome in got for result in outcome.results]
    return _kill(kind, number, [(r.trial, r.status) for r in results], len(units), seconds)


def _kill(
    kind: str, number: int, found: Sequence[tuple[str, str]], trials: int, seconds: float
) -> Kill:
    times = Counter(trial for trial, _ in found)
    statuses = Counter(status for _, status in found)
    return Kill(
        kind=kind,
        number=number,
        seed=seed_of(kind, number),
        trials=trials,
        ok=statuses["ok"],
        failed=statuses["failed"],
        lost=trials - len(times),
        doubled=sum(count - 1 for count in times.values()),
        seconds=round(seconds, 2),
    )


@contextmanager
def _of_drivers() -> Iterator[Strike]:
    """A driver on a cluster of three nodes is killed, and resumed, several times."""
    with TemporaryDirectory() as name:
        cluster = three_nodes()
        try:
            yield partial(_under_a_driver, joining(cluster.address), Path(name))
        finally:
            cluster.close()


def _under_a_driver(where: Sequence[str], place: Path, numbers: Sequence[int]) -> list[Kill]:
    kind, folder, log = "driver", place / f"campaign-{numbers[0]}", place / "log"
    units = 2 + NEW * len(numbers)
    words, begin = (*swept(units), *where), f"campaign.dir={folder}"
    kills = []
    for number in numbers:
        rng, start = random.Random(seed_of(kind, number)), time.monotonic()
        new = rng.randrange(NEW - 1)
        file = CampaignFolder(folder).results_file
        lines = _counted(file)
        driver = Driver(log, place / "cache", *words, begin)
        driver.wait_for_lines(folder, lines + new)
        end = time.monotonic() + rng.uniform(0, 0.6 if new else STARTS)
        while time.monotonic() < end and _counted(file) <= lines + new:
            time.sleep(0.02)
        assert driver.process.poll() is None, driver.told
        driver.kill()
        check_nothing_left(place / "cache" / "polydl", folder.name, scratch=False)
        begin = f"campaign.resume={folder}" if CampaignFolder(folder).exists else begin
        kills.append((number, time.monotonic() - start))
    last = Driver(log, place / "cache", *words, begin)
    assert last.status() == 0, last.told
    return [_kill(kind, n, _lines(folder), units, seconds) for n, seconds in kills]


def _counted(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


@contextmanager
def _of_links() -> Iterator[Strike]:
    """Nodes in network namespaces, whose links are cut one after the other."""
    linked = LinkedNodes(far=FAR)
    try:
        with TemporaryDirectory() as name:
            yield partial(_under_links, linked, Path(name))
    finally:
        linked.close()


def _under_links(linked: LinkedNodes, place: Path, numbers: Sequence[int]) -> list[Kill]:
    kind, folder = "link", place / f"campaign-{numbers[0]}"
    units = len(numbers) + 2
    linked.mend()
    start = time.monotonic()
    where = (*joining(linked.address), f"campaign.dir={folder}")
    driver = Driver(
        place / "log",
        place / "cache",
        *swept(units),
        *where,
        before=inside(linked.head),
        environment=ENV,
    )
    for far, number in enumerate(numbers, 1):
        rng = random.Random(seed_of(kind, number))
        driver.wait_for_lines(folder, rng.randrange(far))
        time.sleep(rng.uniform(0, 1.0))
        linked.cut(far)
    assert driver.status() in (0, 1), driver.told
    seconds = (time.monotonic() - start) / len(numbers)
    return [_kill(kind, n, _lines(folder), units, seconds) for n in numbers]


def _lines(folder: Path) -> list[tuple[str, str]]:
    """Every line that a reader counts, the newest of a trial that failed before counting once."""
    lines = lines_read(CampaignFolder(folder).results_file, lambda line, where: json.loads(line))
    found = [(str(line["trial"]), str(line["status"])) for line in lines]
    ok = [line for line in found if line[1] == "ok"]
    measured = {trial for trial, _ in ok}
    return [*ok, *{line for line in found if line[0] not in measured}]


# Kills of one campaign, and what they are done with.
BENCHES: dict[str, tuple[int, Callable[[], AbstractContextManager[Strike]]]] = {
    "child": (1, partial(_in_a_pool, "child", kill_a_child)),
    "agent": (1, partial(_in_a_pool, "agent", kill_an_agent)),
    "node": (1, partial(_in_a_pool, "node", kill_a_node)),
    "driver": (TOGETHER, _of_drivers),
    "link": (TOGETHER, _of_links),
}


def kills_in(file: Path) -> list[Kill]:
    if not file.exists():
        return []
    return [Kill(**json.loads(line)) for line in file.read_text().splitlines()]


def run(kind: str, count: int, file: Path) -> list[Kill]:
    """Of a kind, those of the first `count` kills that the file lacks; it has them all then."""
    together, bench = BENCHES[kind]
    done = {kill.number for kill in kills_in(file) if kill.kind == kind}
    missing = [number for number in range(count) if number not in done]
    if missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        with bench() as strike:
            for at in range(0, len(missing), together):
                kills = strike(missing[at : at + together])
                with file.open("a", encoding="utf-8") as journal:
                    journal.writelines(json.dumps(asdict(kill)) + "\n" for kill in kills)
    return [kill for kill in kills_in(file) if kill.kind == kind and kill.number < count]


def table(kills: Sequence[Kill]) -> str:
    """A line of Markdown for each kind. A campaign of several kills counts its trials once."""
    rows = ["| kind | kills | seeds | trials | ok | failed | lost | doubled | s a kill |"]
    rows.append("|---|---:|---|---:|---:|---:|---:|---:|---:|")
    for kind, (together, _) in BENCHES.items():
        own = sorted((k for k in kills if k.kind == kind), key=lambda kill: kill.number)
        if not own:
            continue
        campaigns = [own[at] for at in range(0, len(own), together)]
        sums = [sum(getattr(c, f) for c in campaigns) for f in FIELDS]
        seeds = f"crc32 of `{kind} 0` to `{kind} {own[-1].number}`"
        seconds = sum(kill.seconds for kill in own) / len(own)
        cells = [kind, len(own), seeds, *sums, f"{seconds:.1f}"]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)
