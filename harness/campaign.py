"""One campaign, wired flat: settings -> plan -> pool -> journal -> sink -> summary."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import psutil
import yaml

from harness.cluster.pool import Node, Pool
from harness.errors import SettingsError
from harness.means import Means, campaign_means
from harness.plan import Plan, check_memory, planned
from harness.quality import campaign_quality
from harness.record.journal import (
    NAME,
    RUNS,
    CampaignFolder,
    CampaignWriter,
    find_campaign,
    recorded_schedule,
)
from harness.record.result import Status, TrialResult
from harness.report.rank_quality import CampaignQuality
from harness.settings import Settings
from harness.settings.values import CampaignChoice
from harness.unit import Unit

log = logging.getLogger("polydl")

_NAMED = "letters, digits, '_', '-' and '.'"


class Sink(Protocol):
    """Where results go besides the journal; never lets the campaign wait or fail."""

    def record(self, results: Sequence[TrialResult]) -> None: ...

    def finish(self, table: str) -> None:
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

    def finish(self, table: str) -> None: ...

    def close(self) -> bool:
        return self.complete


class Watcher(Protocol):
    """Who looks on while it runs."""

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None: ...

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None: ...


@dataclass(frozen=True)
class Summary:
    """What came of a campaign; `counts` by status, of its newest line for every trial."""

    folder: CampaignFolder
    results: tuple[TrialResult, ...]
    means: Means
    quality: CampaignQuality
    peak: float | None  # GFLOP/s of one core of the first node
    tracked: bool = False  # all of it reached the sink

    @property
    def counts(self) -> Counter[Status]:
        return Counter(result.status for result in self.results)

    @property
    def exit_status(self) -> int:
        return 1 if self.counts["failed"] else 0


def plan_of(settings: Sequence[Settings], now: datetime) -> Plan:
    """The plan, checked against this machine's memory. Nothing is written."""
    first = settings[0]
    if first.campaign.resume is not None and first.campaign.dir is not None:
        raise SettingsError("campaign.resume and campaign.dir exclude each other")
    free = psutil.virtual_memory().available
    return planned(settings, campaign_name(first.campaign, now), free, recorded_schedule)


def campaign_name(choice: CampaignChoice, now: datetime) -> str:
    """The chosen name, the folder's, or date, time and experiment."""
    if choice.resume is not None:
        return find_campaign(choice.resume).name
    if choice.name is not None:
        if not NAME.fullmatch(choice.name):
            raise SettingsError(f"campaign.name: '{choice.name}' is no name ({_NAMED})")
        return choice.name
    if choice.dir is not None:
        return Path(choice.dir).resolve().name
    return f"{now:%Y%m%d-%H%M%S}-{choice.experiment or 'run'}"


def campaign_path(choice: CampaignChoice, name: str) -> Path:
    """The folder the campaign writes to."""
    if choice.resume is not None:
        return find_campaign(choice.resume).path
    return Path(choice.dir) if choice.dir is not None else RUNS / name


def run(
    plan: Plan,
    settings: Sequence[Settings],
    command: Sequence[str],
    open_pool: Callable[[], Pool],
    open_sink: Callable[[CampaignFolder], Sink],
    table: Callable[[Summary], str],
    watcher: Watcher,
) -> Summary:
    """Measure the plan's units and record each as it ends.

    Raises what the pool, the journal or the sink refuse before anything is measured; afterwards a
    unit's failure is data. The pool is closed whatever happens, Ctrl-C included.
    """
    choice = settings[0].campaign
    path = campaign_path(choice, plan.campaign)
    with (
        _claimed(path, choice.resume is not None) as writer,
        _logged(writer.folder.log),
        closing(open_pool()) as pool,
    ):
        nodes = pool.nodes()
        _check_memory(plan, nodes)
        units = _unfinished(plan.units, nodes, writer.folder.results())
        writer.write_configuration(configuration_text(settings, command))
        log.info("%s: %d units on %s", plan.campaign, len(units), [n.name for n in nodes])
        folder, peak = writer.folder, nodes[0].architecture.peak
        sink = open_sink(folder)
        try:
            watcher.begins(replace(plan, units=units), nodes)
            _measure(units, pool, writer, sink, watcher)
            results = folder.results()
            summary = Summary(
                folder,
                results,
                campaign_means(folder, results),
                campaign_quality(folder, results),
                peak,
            )
            sink.finish(table(summary))
        finally:
            tracked = sink.close()
        return replace(summary, tracked=tracked)


@contextmanager
def _claimed(path: Path, resume: bool) -> Iterator[CampaignWriter]:
    """The campaign's folder, for this process alone; gone again when nothing was begun in it."""
    with CampaignWriter(path, resume=resume) as writer:
        try:
            yield writer
        finally:
            if not writer.folder.exists:
                for leftover in (writer.folder.log, path / ".lock"):
                    leftover.unlink(missing_ok=True)
                for folder in (path, path.parent):
                    with suppress(OSError):  # not empty, or not ours to remove
                        folder.rmdir()


def configuration_text(settings: Sequence[Settings], command: Sequence[str]) -> str:
    """campaign.yaml: the command, then one document for every combination of the sweep."""
    header = "# polydl " + " ".join(command) + "\n"
    documents = [dict(one.resolved) for one in settings]
    text: str = yaml.safe_dump_all(documents, sort_keys=False)
    return header + text


def _measure(
    units: Sequence[Unit], pool: Pool, writer: CampaignWriter, sink: Sink, watcher: Watcher
) -> None:
    for unit in units:
        pool.submit(unit)
    for unit, outcome in pool.outcomes():
        writer.record_unit(outcome.results, outcome.samples, outcome.candidates, outcome.kernels)
        sink.record(outcome.results)
        for result in outcome.results:
            log.info(_told(result))
        watcher.finished(unit, outcome.results)


def _check_memory(plan: Plan, nodes: Sequence[Node]) -> None:
    """As plan_of did for this machine, now for the nodes that measure."""
    free = max(node.free_bytes for node in nodes)
    for unit in plan.units:
        check_memory(unit, free)


def _unfinished(
    units: Sequence[Unit], nodes: Sequence[Node], results: Sequence[TrialResult]
) -> tuple[Unit, ...]:
    """Units with a trial that is missing or failed; a unit is measured whole or not at all."""
    done = {result.trial for result in results if result.status != "failed"}
    fingerprints = {node.fingerprint for node in nodes}
    return tuple(
        unit
        for unit in units
        if not any(
            all(unit.trial(contender, f) in done for contender in unit.contenders)
            for f in fingerprints
        )
    )


def _told(result: TrialResult) -> str:
    """One line of the log."""
    where = f"{result.problem.get('name')} {result.contender}: {result.status}"
    if result.status == "ok":
        return f"{where}, {result.gflops:.1f} GFLOP/s, stop: {result.stop}"
    return f"{where} ({result.stage}): {result.reason}"


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """The campaign's log.txt takes what the harness logs meanwhile."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
