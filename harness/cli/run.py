"""polydl run: a campaign from a configuration, progress while it runs and a table at the end."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text

from harness import campaign
from harness.campaign import NoSink, Sink, Summary
from harness.choices import libraries_in
from harness.cli.asked import Run
from harness.cli.progress import Progress, duration
from harness.cli.rooms import room
from harness.cluster.node import Share, share_of
from harness.cluster.pool import Pool, Watch
from harness.cluster.topology import topology_of
from harness.errors import EnvironmentProblem, HarnessError, RecordError
from harness.estimates import estimated_seconds
from harness.plan import Plan
from harness.record.configuration import documents_in
from harness.record.journal import RUNS, CampaignFolder, find_campaign
from harness.record.network import NetworkNodes, networks_in
from harness.report.doubts import refusal_told
from harness.report.networks import network_lines
from harness.report.tables import campaign_table
from harness.report.terminal import Terminal, plain, terminal
from harness.settings import Settings, as_recorded, load_settings, quoted, resumed_alone

OpenPool = Callable[[Sequence[Settings], Plan, Watch], Pool]

_POOLS = {
    "serial": ("harness.cluster.serial_pool", "SerialPool"),
    "local": ("harness.cluster.ray_pool", "RayPool"),
    "ray": ("harness.cluster.ray_pool", "RayPool"),
}


def main(asked: Run) -> int:
    return measured(asked.words, open_pool)


def measured(words: Sequence[str], opened: OpenPool) -> int:
    """What the words ask for, measured by the pool that is opened; the exit status."""
    console = terminal()
    settings = settings_of(words)
    if settings[0].claims:
        room("harness.cli.claims").known_claims()  # a file that is missing is told before hours
    plan = campaign.plan_of(settings, datetime.now())
    if settings[0].campaign.dry_run:
        console.print(plan_table(plan))
        for line in network_lines(networks_of(settings), full=True):
            console.print(plain(line), soft_wrap=True)
        console.print(plan_told(plan, slots_of(settings[0], plan)))
        return 0
    warn = partial(_warn, console)
    with Progress(console, plan) as progress, _resumable() as begun:
        summary = campaign.run(
            plan,
            settings,
            ["run", *words],
            open_pool=lambda named: opened(settings, named, progress.on_event),
            open_sink=lambda folder: open_sink(settings[0], begun(folder), warn),
            watcher=progress,
            review=lambda folder: write_review(folder, warn),
        )
    shown = campaign_table(summary.results, summary.means, summary.quality)
    console.print(shown, soft_wrap=True)  # notes hold commands to be pasted
    if summary.refused:
        told = refusal_told(summary.refused, summary.refuse_noise)
        console.print(plain(told, "red"), soft_wrap=True)
    for line in network_lines(networks_of(settings)):
        console.print(plain(line), soft_wrap=True)
    _tell_where(console, settings[0], summary)
    if settings[0].claims:
        page = room("harness.cli.claims").write_view_of(summary.folder)
        console.print(f"claims:  {page}", soft_wrap=True)
    return summary.exit_status


@contextmanager
def _resumable() -> Iterator[Callable[[CampaignFolder], CampaignFolder]]:
    """An interrupt gets a note with the command that goes on with the campaign told of, if any."""
    folders: list[CampaignFolder] = []

    def begun(folder: CampaignFolder) -> CampaignFolder:
        folders.append(folder)
        return folder

    try:
        yield begun
    except KeyboardInterrupt as end:
        for folder in folders:
            end.add_note(f"go on with: {resuming(folder)}")
        raise


def resuming(folder: CampaignFolder) -> str:
    """The command that completes a campaign, to be pasted into a shell."""
    path = str(folder.path)
    name = folder.name if folder.path == RUNS / folder.name else path
    return shlex.join(["polydl", "run", f"campaign.resume={quoted(name)}"])


def settings_of(arguments: Sequence[str]) -> tuple[Settings, ...]:
    """What the command asks for; to resume a campaign and no more means as it was recorded."""
    resumed = resumed_alone(arguments)
    if resumed is None:
        return load_settings(arguments, "run")
    folder = find_campaign(resumed)
    if not folder.configuration.is_file():
        raise RecordError(
            f"campaign {resumed}: its configuration was not recorded; say what to measure"
        )
    documents = documents_in(folder.configuration)
    if not documents:
        raise RecordError(f"{folder.configuration}: holds no configuration; say what to measure")
    return as_recorded(arguments, documents)


def open_pool(settings: Sequence[Settings], plan: Plan, watch: Watch) -> Pool:
    """The pool that `cluster` names."""
    first = settings[0]
    module, name = _POOLS[first.cluster.kind]
    pool: Pool = getattr(room(module), name)(
        choice=first.cluster,
        architecture=replace(
            first.architecture,
            libraries=libraries_in(c.options for unit in plan.units for c in unit.strategies),
        ),
        threads=max(unit.threads for unit in plan.units),
        campaign=plan.campaign,
        cache=first.cache_folder,
        watch=watch,
    )
    return pool


def open_sink(settings: Settings, folder: CampaignFolder, warn: Callable[[str], None]) -> Sink:
    """The sink that `tracking` names; without MLflow installed, the journal alone and a hint."""
    tracking = settings.tracking
    if tracking.kind == "journal":
        return NoSink()

    try:
        sink: Sink = room("harness.tracking.sink").MlflowSink(
            folder, tracking.uri, tracking.experiment, warn
        )
    except EnvironmentProblem as problem:
        warn(f"{problem}; the journal is complete, later: polydl sync {folder.path}")
        return NoSink(complete=False)
    return sink


def write_review(folder: CampaignFolder, warn: Callable[[str], None]) -> Path | None:
    """The page at the end; a campaign does not fail for it, for it can be written later."""
    try:
        page: Path = room("harness.report.review_file").write_review(folder)
    except HarnessError as problem:
        warn(f"no page: {problem}; later: polydl report {folder.path}")
        return None
    return page


def _warn(console: Terminal, message: str) -> None:
    campaign.log.warning(message)
    told = Text.assemble(("warning:", "yellow"), " ", plain(message))
    console.print(told, soft_wrap=True)  # one line: its command is there to be pasted


def networks_of(settings: Sequence[Settings]) -> tuple[NetworkNodes, ...]:
    return networks_in(one.resolved for one in settings)


def plan_table(plan: Plan) -> Table:
    table = Table(title=f"plan of {plan.campaign}")
    counted = any(unit.problem.count > 1 for unit in plan.units)
    names = ["problem", "primitive", "sizes", "MFLOP", "threads", "contenders", "seconds"]
    for heading in [*names[:3], *(["times"] if counted else []), *names[3:]]:
        right = heading in ("MFLOP", "seconds", "times")
        whole = heading == "problem"  # a name is there to be pasted
        table.add_column(
            heading, justify="right" if right else "left", overflow="fold", no_wrap=whole
        )
    for unit in plan.units:
        primitive = unit.problem.primitive
        table.add_row(
            unit.problem.name,
            primitive.name,
            " ".join(f"{name}={value}" for name, value in unit.problem.stated_sizes.items()),
            *([str(unit.problem.count)] if counted else []),
            f"{primitive.flops / 1e6:.1f}",
            str(unit.threads),
            ", ".join(contender.name for contender in unit.contenders),
            f"{estimated_seconds(unit):.0f}",
        )
    return table


def plan_told(plan: Plan, slots: int = 1) -> str:
    twice = f" ({plan.duplicates} asked for twice)" if plan.duplicates else ""
    several = f", {duration(plan.seconds / slots)} on the {slots} of a node" if slots > 1 else ""
    return (
        f"{len(plan.units)} problems, {plan.trials} trials{twice}; "
        f"about {duration(plan.seconds)} on one slot{several}; nothing was run"
    )


def slots_of(settings: Settings, plan: Plan) -> int:
    """How many units a node measures at a time: of the described machine, or of this one."""
    choice, machine = settings.cluster, settings.architecture
    if choice.kind == "serial":
        return 1
    threads = max(unit.threads for unit in plan.units)
    if machine.is_host:
        share = share_of(choice.cores if choice.kind == "local" else None, choice.exclusive)
    else:
        described = machine.described()
        share = Share(topology_of(described.cores, described.sockets), (), choice.exclusive)
    return len(share.slots(threads)) if threads <= len(share.topology.cores) else 1


def _tell_where(console: Terminal, settings: Settings, summary: Summary) -> None:
    folder = summary.folder
    console.print(f"journal: {folder.results_file}", soft_wrap=True)
    if summary.page is not None:
        console.print(f"page:    {summary.page}", soft_wrap=True)
    if settings.tracking.kind == "mlflow" and summary.tracked:
        console.print(f"MLflow:  polydl dashboard {folder.path}", soft_wrap=True)
