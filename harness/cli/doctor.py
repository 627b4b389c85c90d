"""polydl doctor: what this host or a cluster offers, lacks, and how noisy it is; advice only."""

from __future__ import annotations

from rich.table import Table

from harness.cli.asked import Configured
from harness.cli.rooms import room
from harness.doctor import Finding, examined, noise_told, slots_shown
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from harness.report.terminal import Terminal, plain, terminal
from harness.settings import Settings, one_of_settings

_STYLES = {"ok": "green", "advice": "yellow", "missing": "red"}
_HEADINGS = ("node", "processor", "slots", "quality", "target", "busy neighbour costs")


def main(asked: Configured) -> int:
    """Of this host, or with `cluster.address` of every node there; advice is no failure."""
    settings = one_of_settings(asked.words, "doctor")
    console = terminal()
    if settings.cluster.kind == "ray" or settings.cluster.address is not None:
        return _cluster(settings, console)
    with console.status("examining this host"):
        findings = examined(
            settings.threads,
            Toolchain.opened(settings.cache_folder),
            settings.cluster.cores,
            settings.cluster.exclusive,
        )
        findings += ray_findings()
    table = Table(title="this host", show_lines=False)
    for heading in ("what", "found", ""):
        table.add_column(heading)
    for finding in findings:
        verdict = plain(finding.verdict, _STYLES[finding.verdict])
        table.add_row(finding.topic, finding.value, verdict)
    console.print(table)
    for finding in findings:
        if finding.advice:  # in one line, for it may hold a command to be pasted
            console.print(f"{finding.topic}: {finding.advice}", soft_wrap=True)
    missing = sum(finding.verdict == "missing" for finding in findings)
    console.print(f"{missing} things are missing" if missing else "nothing is missing")
    barred = [finding.topic for finding in findings if finding.bars]
    if barred:
        console.print(f"nothing can be measured here until this is mended: {', '.join(barred)}")
    return int(bool(barred))


def ray_findings() -> list[Finding]:
    """Whether a Ray cluster that runs on this host lets anybody in."""
    try:
        start = room("harness.cluster.ray_start")
        address = start.cluster_here()
        if address is None:
            return []
        if start.lets_anybody_in(address):
            return [Finding("Ray cluster", address, "advice", f"it {_open_to_all()}")]
    except EnvironmentProblem:  # Ray is not installed, or does not answer: nothing to enter by
        return []
    return [Finding("Ray cluster", f"{address}, with a token")]


def _open_to_all() -> str:
    remedy = room("harness.cluster.ray_start").WITH_TOKEN
    return f"asks for no token: who reaches it can run code on every node; {remedy}"


def _cluster(settings: Settings, console: Terminal) -> int:
    with console.status("examining the cluster"):
        nodes = room("harness.cluster.examination").cluster_examined(
            settings.cluster, settings.architecture, settings.threads, settings.cache_folder
        )
    table = Table(title=f"the cluster at {settings.cluster.address}")
    for heading in _HEADINGS:
        table.add_column(heading)
    for found in nodes:
        node = found.node
        facts = (
            ("cannot measure", "", "", "", "")
            if node is None
            else (
                f"{node.facts['cpu']}, {node.facts['isa']}",
                f"{len(found.slots)} of {settings.threads}: {slots_shown(found.slots)}",
                node.quality,
                node.target,
                noise_told(found.neighbour),
            )
        )
        table.add_row(found.name, *facts)
    console.print(table)
    for found in nodes:
        if found.problem:  # one line, whose command is there to be pasted
            console.print(f"{found.name}: {found.problem}", soft_wrap=True)
        for one in found.unpinned:
            console.print(f"{found.name}: {one.topic}: {one.value}: {one.advice}", soft_wrap=True)
    if settings.cluster.auth == "none":  # one that asks for a token would have refused
        told = f"the cluster at {settings.cluster.address} {_open_to_all()}"
        console.print(told, soft_wrap=True)
    slots = sum(len(found.slots) for found in nodes)
    unable = sum(found.node is None for found in nodes)
    console.print(
        f"{slots} slots on {len(nodes) - unable} nodes"
        + (f"; {unable} cannot measure" if unable else "")
    )
    return int(unable == len(nodes))
