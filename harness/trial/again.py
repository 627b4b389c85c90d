"""Candidates of a search timed again in the report tier, in pairs: what rankings are judged by.

The fastest of many measured once is flattered by its luck, and whoever is held against it is
blamed for that luck. Measured a second time nobody is favoured: the best of the second measurement
is what shares are of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import psutil

from harness.kernel.load import buffer_bytes
from harness.measure.child import ChildSettings
from harness.measure.contender import ContenderStarter
from harness.measure.protocol import ReportRun, report_tier
from harness.measure.search_tier import SearchRun
from harness.measure.statistics import block_ratios, noise, seconds, speedup, table
from harness.trial.prepared import Candidate
from harness.unit import Unit

Row = Mapping[str, object]
LEAST = 2  # candidates that are worth comparing


def measured_again(
    candidates: Sequence[Candidate],
    searched: SearchRun,
    roles: Mapping[int, Sequence[str]],
    unit: Unit,
    child: ChildSettings,
    data: Path,
) -> tuple[Row, ...]:
    """A row for each of the candidates at the places of `roles`, which say why it is timed again.

    `candidates` are those that the search timed. Of more than half of the free memory holds, the
    last are left out. Each row has its samples, its seconds, and the best one's over its own.
    """
    specs = {place: candidates[place].executable or {} for place in roles}
    each = 2 * max(map(buffer_bytes, specs.values()), default=1)  # row-major while it is packed
    places = list(roles)[: psutil.virtual_memory().available // 2 // each]
    if len(places) < LEAST:
        return ()
    names = {place: f"candidate_{place}" for place in places}
    starter = ContenderStarter(
        {names[place]: specs[place] for place in places},
        data,
        child,
        unit.measure,
        verified={names[p]: {"max_error": searched.found[p].max_error} for p in places},
    )
    best = min(places, key=lambda place: searched.found[place].seconds or 0.0)
    run = report_tier(
        list(names.values()),
        [(names[place], names[best]) for place in places if place != best],
        starter,
        unit.measure,
        unit.seed,
        pausing=unit.threads > 1,
    )
    timed = [place for place in places if names[place] not in run.failures]
    if len(timed) < LEAST:
        return ()
    best = min(timed, key=lambda place: _median(run, names[place]))
    return tuple(
        _row(candidates[place], roles[place], run, names[place], names[best], unit.seed)
        for place in timed
    )


def _median(run: ReportRun, name: str) -> float:
    return median(sample.seconds for sample in run.samples if sample.contender == name)


def _row(
    candidate: Candidate, roles: Sequence[str], run: ReportRun, name: str, best: str, seed: int
) -> Row:
    own, fastest = table(run.samples, name), table(run.samples, best)
    share = speedup(block_ratios(fastest, own), noise(run.samples, name, best), seed)
    samples = [asdict(sample) for sample in run.samples if sample.contender == name]
    for sample in samples:
        del sample["contender"]
    return {
        "schedule": candidate.schedule,
        "roles": list(roles),
        "places": dict(candidate.places),
        "seconds": asdict(seconds(own, seed)),
        "share": share.ratio,
        "ci95": list(share.ci95),
        "noise": share.noise,
        "samples": samples,
    }
