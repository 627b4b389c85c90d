"""One campaign, wired flat: settings -> plan -> pool -> journal -> sink -> summary."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

import psutil

from compiler.errors import CompilerError, printable
from harness.cluster.pool import Node, Pool
from harness.errors import HarnessError, SettingsError, Unforeseen
from harness.means import Means, campaign_means
from harness.outside import path_of
from harness.plan import Plan, check_memory, planned
from harness.quality import campaign_quality
from harness.record.configuration import (
    Document,
    configuration_text,
    documents_in,
    documents_of,
)
from harness.record.journal import RUNS, CampaignFolder, find_campaign, recorded_schedule
from harness.record.ledger import Ledger
from harness.record.result import Status, TrialResult
from harness.record.result_line import NAME, NAMED
from harness.record.writer import CampaignWriter, FolderTaken
from harness.report.rank_quality import CampaignQuality
from harness.resume import changed_code, changed_configuration, changed_nodes, in_short, start_now
from harness.settings import Settings
from harness.settings.values import CampaignChoice
from harness.unit import Contender, Unit

log = logging.getLogger("polydl")


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

    def told(self, message: str) -> None:
        """Something that the user should know."""
        ...

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        """The unit is on disk; called from the journal's thread."""
        ...


@dataclass(frozen=True)
class Summary:
    """What came of a campaign; `counts` by status, of its newest line for every trial."""

    folder: CampaignFolder
    results: tuple[TrialResult, ...]
    means: Means
    quality: CampaignQuality
    refuse_noise: float = 1.0
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
            raise SettingsError(f"campaign.name: '{choice.name}' is no name ({NAMED})")
        return choice.name
    if choice.dir is not None:
        return path_of(choice.dir).resolve().name
    return f"{now:%Y%m%d-%H%M%S}-{choice.experiment or 'run'}"


def campaign_path(choice: CampaignChoice, name: str) -> Path:
    """The folder the campaign writes to."""
    if choice.resume is not None:
        return find_campaign(choice.resume).path
    return path_of(choice.dir) if choice.dir is not None else RUNS / name


def run(
    plan: Plan,
    settings: Sequence[Settings],
    command: Sequence[str],
    open_pool: Callable[[Plan], Pool],
    open_sink: Callable[[CampaignFolder], Sink],
    table: Callable[[Summary], str],
    watcher: Watcher,
) -> Summary:
    """Measure the plan's units and record each as it ends.

    Raises what the pool, the journal or the sink refuse before anything is measured; afterwards a
    unit's failure is data. The pool is closed whatever happens, Ctrl-C included.
    """
    choice = settings[0].campaign
    text = configuration_text([one.resolved for one in settings], command)
    with _claimed(choice, plan.campaign) as writer, _logged(writer.folder.log):
        folder = writer.folder
        plan = plan.named(folder.name)
        recorded, asked = _configurations(folder, text)
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
            units = _unfinished(plan.units, nodes, folder.results(), pool.installed)
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
                summary = _summary(folder, plan)
                sink.finish(table(summary))
            finally:
                tracked = sink.close()
            return replace(summary, tracked=tracked)


@contextmanager
def _claimed(choice: CampaignChoice, name: str) -> Iterator[CampaignWriter]:
    """The campaign's folder, for this process alone; what it made is gone if nothing was begun."""
    with _writer(choice, name) as writer:
        try:
            yield writer
        finally:
            if not writer.folder.starts_file.exists():
                writer.discard()


def _writer(choice: CampaignChoice, name: str) -> CampaignWriter:
    """The default name takes a suffix where it exists: NAME-2, NAME-3 and so on."""
    path = campaign_path(choice, name)
    if not choice.named_by_default:
        return CampaignWriter(path, resume=choice.resume is not None)
    for number in count(2):
        try:
            return CampaignWriter(path, new=True)
        except FolderTaken:
            path = RUNS / f"{name}-{number}"
    raise AssertionError("count() ends")


def _configurations(
    folder: CampaignFolder, text: str
) -> tuple[Sequence[Document], Sequence[Document]]:
    """The recorded ones and those of `text`, but for the name and place of the campaign.

    Both are empty where nothing is recorded.
    """
    if not folder.configuration.exists():
        return [], []
    recorded, asked = (
        [{k: v for k, v in document.items() if k != "campaign"} for document in documents]
        for documents in (documents_in(folder.configuration), documents_of(text))
    )
    return recorded, asked


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


def _unfinished(
    units: Sequence[Unit],
    nodes: Sequence[Node],
    results: Sequence[TrialResult],
    installed: Callable[[Sequence[Contender]], Sequence[Contender]],
) -> tuple[Unit, ...]:
    """Units with a trial that is missing or failed, or was skipped for want of what is here now.

    A unit is measured whole or not at all. What was done on a kind of node that is absent today is
    done.
    """
    status = {result.trial: result.status for result in results}
    kinds = {node.fingerprint for node in nodes}
    kinds |= {str(result.host["fingerprint"]) for result in results if "fingerprint" in result.host}
    labels = {result.contender for result in results if result.status == "skipped"}
    wanted: list[Contender] = []
    for contender in (c for unit in units for c in unit.baselines if c.name in labels):
        if contender not in wanted:
            wanted.append(contender)
    here = installed(wanted) if wanted else ()

    def done(unit: Unit, contender: Contender, kind: str) -> bool:
        found = status.get(unit.trial(contender, kind), "failed")
        return found != "failed" and not (found == "skipped" and contender in here)

    return tuple(
        unit
        for unit in units
        if not any(all(done(unit, c, kind) for c in unit.contenders) for kind in kinds)
    )


def _told(result: TrialResult) -> str:
    """One line of the log."""
    where = f"{result.problem.get('name')} {result.contender}: {result.status}"
    if result.status == "ok":
        return f"{where}, {result.gflops:.1f} GFLOP/s, stop: {result.stop}"
    return f"{where} ({result.stage}): {result.reason}"


class _Printable(logging.Formatter):
    """Names and reasons come from anywhere: a log that is looked at must not act on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), kept="\n\t")


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """The campaign's log.txt takes what the harness logs meanwhile."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s"))
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    except (HarnessError, CompilerError, OSError, MemoryError):
        raise
    except Exception as fault:
        log.exception("this should not happen")
        raise Unforeseen(fault, path) from fault
    finally:
        log.level, log.propagate = before
        log.removeHandler(handler)
        handler.close()
