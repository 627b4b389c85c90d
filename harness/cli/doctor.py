"""polydl doctor: what this host offers, what is missing, how noisy it is; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.doctor import examined
from harness.errors import SettingsError
from harness.settings import load_settings

_MARKS = {"ok": "[green]ok[/]", "advice": "[yellow]advice[/]", "missing": "[red]missing[/]"}


def main(arguments: Sequence[str]) -> int:
    """Status 0 whatever is found: advice is no failure."""
    settings = load_settings(arguments)[0]
    if settings.cluster.kind == "ray":
        raise SettingsError("doctor examines this host only; run it on each node of the cluster")
    console = Console()
    with console.status("examining this host"):
        findings = examined(settings.threads, settings.cache_dir, settings.cluster.cores)
    table = Table(title="this host", show_lines=False)
    for heading in ("what", "found", "", "advice"):
        table.add_column(heading)
    for finding in findings:
        table.add_row(finding.topic, finding.value, _MARKS[finding.verdict], finding.advice)
    console.print(table)
    missing = sum(finding.verdict == "missing" for finding in findings)
    console.print(f"{missing} things are missing" if missing else "nothing is missing")
    return 0
