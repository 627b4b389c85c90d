"""Recorded surveys for the tests: real schedules and level bytes, seconds by a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from compiler.cost.ranking import held_bytes
from compiler.pipeline import loop_nest, ranked_schedules
from compiler.problem.architecture import Architecture, CacheLevel, ProductRate
from harness.plan import planned
from harness.record.journal import CampaignFolder
from harness.record.writer import CampaignWriter
from harness.settings import load_settings
from tests.harness.campaigns import PLENTY, replayed
from tests.harness.record.results import Left

CACHES = {"L1": 2**11, "L2": 2**14, "L3": 2**17}
MACHINE = Architecture(
    "host",
    "x86_64",
    32,
    16,
    caches=tuple(CacheLevel(k, v) for k, v in CACHES.items()),
    products=(ProductRate("libxsmm", (1.5, 1.75), 20.0),),
)


def by_bytes(held: Mapping[str, int]) -> float:
    """Seconds that grow with what lies far away."""
    return 1.0 + held["L1"] + 3 * held["L2"] + 9 * held["L3"] + 27 * held["memory"]


def surveyed(
    folder: Path,
    sizes: Mapping[int, str],
    rule: Callable[[Mapping[str, int]], float] = by_bytes,
    count: int = 40,
    architecture: bool = False,
) -> CampaignFolder:
    """Matrix products of the given n, each of the named network, with `count` candidates timed.

    With `architecture` the records tell all of the machine, else its caches.
    """
    host: dict[str, object] = {"analysed_caches": CACHES, "cpu": "x"}
    if architecture:
        host["architecture"] = asdict(MACHINE)
    swept = ",".join(str(n) for n in sizes)
    settings = load_settings(
        ["-m", "primitive=matmul", f"primitive.sizes.n={swept}", "strategy=survey", "baseline=[]"]
    )
    plan = planned(settings, folder.name, PLENTY, str)
    with CampaignWriter(folder) as writer:
        writer.write_configuration(yaml.safe_dump_all([dict(s.resolved) for s in settings]))
        for unit in plan.units:
            primitive = unit.problem.primitive
            result = replayed(unit, unit.strategies[0])
            problem = {**result.problem, "workload": sizes[dict(primitive.sizes)["n"]]}
            result = replace(result, problem=problem, host=host)
            ranked = ranked_schedules(primitive, MACHINE)
            schedules = [r.schedule for r in ranked[:: max(1, len(ranked) // count)]]
            held = held_bytes(loop_nest(primitive).nest, schedules, MACHINE)
            rows = [{"schedule": str(s), "measured": rule(held[s])} for s in schedules]
            rows.append({"schedule": "broken", "measured": None})
            writer.record([Left([result], candidates={result.trial: rows})])
        return writer.folder
