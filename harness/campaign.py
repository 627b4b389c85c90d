"""One campaign, wired flat: settings -> plan -> pool -> journal -> sink -> summary."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from harness.analysis.means import Means, campaign_means
from harness.analysis.rank_quality import CampaignQuality, campaign_quality
from harness.choices import CampaignChoice
from harness.cluster.pool import Node, Pool
from harness.errors import SettingsError
from harness.estimates import check_memory
from harness.plan import Plan, planned
from harness.record.campaign_log import logged
from harness.record.claim import campaign_name, claimed
from harness.record.configuration import configuration_text
from harness.record.journal import CampaignFolder, recorded_schedule
from harness.record.ledger import Ledger
from harness.record.result import Status, TrialResult
from harness.record.writer import CampaignWriter
from harness.resume import (
    changed_code,
    changed_configuration,
    changed_nodes,
    configurations,
    in_short,
    start_now,
    unfinished,
)
from harness.settings import Settings
from harness.tracking.overview import Overview, overview
from harness.unit import Unit

log = logging.getLogger("polydl")


class Sink(Protocol):
    """Where results go besides the journal; never lets the campaign wait or fail."""

    def record(self, results: Sequence[TrialResult]) -> None: ...

    def finish(self, overview: Overview) -> None:
        """What the parent gets once, at the end."""
        ...

    def close(self) -> bool:
        """Wait until all is written; False when something is missing there."""
        ...


@dataclass(frozen=True)
class NoSink:
    """The campaign's folder alone; not `complete` where a sink was wanted and cannot be had."""

    complete: bool = True

    def record(self, results: Sequence[TrialResult]) -> None: ...

    def finish(self, overview: Overview) -> None: ...

    def close(self) -> bool:
        return self.complete


class Watcher(Protocol):
    """Who looks on while it runs."""

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None: ...

    def told(self, message: str) -> None:
        """Something that the user should know."""
        ...

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        """The unit is on disk; called from the journal's thread."""
        ...


@dataclass(frozen=True)
class Unwatched:
    """Nobody looks on; what the user should know goes to the log."""

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None: ...

    def told(self, message: str) -> None:
        log.warning(message)

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None: ...


@dataclass(frozen=True)
class Summary:
    """What came of a campaign; `counts` by status, of its newest line for every trial."""

    folder: CampaignFolder
    results: tuple[TrialResult, ...]
    means: Means
    quality: CampaignQuality
    refuse_noise: float = 1.0
    page: Path | None = None  # the review, where one was written
    tracked: bool = False  # all of it reached the sink

    @property
    def counts(self) -> Counter[Status]:
        return Counter(result.status for result in self.results)

    @property
    def exit_status(self) -> int:
        return 1 if self.counts["failed"] or self.refused else 0

    @property
    def refused(self) -> tuple[TrialResult, ...]:
        """Trials that were measured in more noise than `measure.refuse_noise`."""
        limit = self.refuse_noise
        return tuple(r for r in self.results if r.noise is not None and r.noise > limit)


def plan_of(settings: Sequence[Settings], now: datetime) -> Plan:
    """The plan, checked against this machine's memory where it measures. Nothing is written."""
    first = settings[0]
    if first.campaign.dir is not None:  # which says the name, too
        for key in ("resume", "name"):
            if getattr(first.campaign, key) is not None:
                raise SettingsError(f"campaign.{key} and campaign.dir exclude each other")
    free = psutil.virtual_memory().available
    if first.cluster.kind == "ray":
        free = sys.maxsize  # it is measured elsewhere, on nodes that are asked before it starts
    return planned(settings, campaign_name(first.campaign, now), free, recorded_schedule)


def no_review(folder: CampaignFolder) -> Path | None:
    """Where no page is wanted."""
    return None


def run(
    plan: Plan,
    settings: Sequence[Settings],
    command: Sequence[str],
    open_pool: Callable[[Plan], Pool],
    open_sink: Callable[[CampaignFolder], Sink],
    watcher: Watcher,
    review: Callable[[CampaignFolder], Path | None] = no_review,
) -> Summary:
    """Measure the plan's units and record each as it ends; `review` writes the page at the end.

    Raises what the pool, the journal or the sink refuse before anything is measured; afterwards a
    unit's failure is data. The pool is closed whatever happens, Ctrl-C included.
    """
    choice = settings[0].campaign
    text = configuration_text([one.resolved for one in settings], command)
    with claimed(choice, plan.campaign) as writer, logged(writer.folder.log):
        folder = writer.folder
        plan = plan.named(folder.name)
        recorded, asked = configurations(folder, text)
        changes = changed_code(folder.starts()) + changed_configuration(recorded, asked)
        _check_accepted(changes, choice, plan)
        if not recorded:  # before anything is begun that may take long
            writer.write_configuration(text)
        with closing(open_pool(plan)) as pool:
            nodes = pool.nodes()
            _check_memory(plan, nodes)
            kinds = {node.fingerprint: str(node.facts.get("compiler", "")) for node in nodes}
            changes += changed_nodes(folder.starts(), kinds)
            _check_accepted(changes, choice, plan)
            units = unfinished(plan.units, kinds, folder.lines(), pool.installed)
            if recorded != asked:
                writer.write_configuration(text)
            writer.write_start(start_now(command, _now(), kinds))
            log.info("%s: %d units on %s", plan.campaign, len(units), [n.name for n in nodes])
            if changes:
                watcher.told(f"changed since it was recorded: {in_short(changes)}")
            sink = open_sink(folder)
            try:
                watcher.begins(replace(plan, units=units), nodes)
                _measure(units, pool, writer, sink, watcher)
                summary = replace(_summary(folder, plan), page=review(folder))
                sink.finish(overview(summary.results, summary.means, summary.quality))
            finally:
                tracked = sink.close()
            return replace(summary, tracked=tracked)


def _check_accepted(changes: Sequence[str], choice: CampaignChoice, plan: Plan) -> None:
    if changes and not choice.accept_changes:
        raise SettingsError(
            f"{plan.campaign} was recorded otherwise: {in_short(changes)}; "
            "campaign.accept_changes=true resumes it all the same"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _measure(
    units: Sequence[Unit], pool: Pool, writer: CampaignWriter, sink: Sink, watcher: Watcher
) -> None:
    """Every outcome goes to the journal, and from there to whoever wants to know of it."""

    def recorded(unit: Unit, results: Sequence[TrialResult]) -> None:
        sink.record(results)
        for result in results:
            log.info(_told(result))
        watcher.finished(unit, results)

    with Ledger(writer) as ledger:
        for unit in units:
            pool.submit(unit)
        for unit, outcome in pool.outcomes():
            ledger.put(outcome, partial(recorded, unit, outcome.results))


def _summary(folder: CampaignFolder, plan: Plan) -> Summary:
    results = folder.results()
    means, quality = campaign_means(folder, results), campaign_quality(folder, results)
    limit = min((unit.measure.refuse_noise for unit in plan.units), default=1.0)
    return Summary(folder, results, means, quality, limit)


def _check_memory(plan: Plan, nodes: Sequence[Node]) -> None:
    """As plan_of did for this machine, now for the nodes that measure."""
    free = max(node.free_bytes for node in nodes)
    for unit in plan.units:
        check_memory(unit, free)


def _told(result: TrialResult) -> str:
    """One line of the log."""
    where = f"{result.problem.get('name')} {result.contender}: {result.status}"
    if result.status == "ok":
        return f"{where}, {result.gflops:.1f} GFLOP/s, stop: {result.stop}"
    return f"{where} ({result.stage}): {result.reason}"
