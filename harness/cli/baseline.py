"""polydl baseline: the baselines, their versions and what is missing; a tool environment made."""

from __future__ import annotations

import time

from rich.table import Table

from compiler.errors import shown
from harness.baseline.baseline import Missing
from harness.baseline.builders import TOOLS, VARIANTS, availability, known_builders
from harness.baseline.tool.environment import install, tool_folder
from harness.cli.asked import Baseline
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from harness.report.terminal import Terminal, terminal
from harness.settings import cache_folder


def main(asked: Baseline) -> int:
    if asked.action == "install":
        if asked.name is None:
            raise SettingsError(f"install: NAME is missing; environments: {', '.join(TOOLS)}")
        return _install(asked.name, terminal())
    if asked.name is not None:
        raise SettingsError(f"list takes no NAME, got '{shown(asked.name)}'")
    return _list(terminal())


def _list(console: Terminal) -> int:
    table = Table()
    table.add_column("baseline", no_wrap=True)  # a name is there to be pasted
    table.add_column("version", overflow="fold")
    table.add_column("environment", overflow="fold")
    missing = []
    toolchain = Toolchain.opened(cache_folder())
    for name in (*known_builders(), *VARIANTS):
        method, options = VARIANTS.get(name, (name, {}))
        found = availability(method, options, toolchain)
        own = str(tool_folder(TOOLS[name], toolchain)) if name in TOOLS else "this one"
        if isinstance(found, Missing):
            table.add_row(name, "missing", "")
            missing.append(f"{name}: {found}")
        else:
            table.add_row(name, found.version, own)
    console.print(table)
    for line in missing:
        console.print(line, soft_wrap=True)
    return 0


def _install(name: str, console: Terminal) -> int:
    toolchain = Toolchain.opened(cache_folder())
    if name not in TOOLS:
        where = f"baseline install: '{name}'"
        known = f"environments: {', '.join(TOOLS)}"
        if name not in known_builders():
            raise SettingsError(f"{where} is unknown; {known}")
        found = availability(name, {}, toolchain)
        state = str(found) if isinstance(found, Missing) else f"version {found.version} is here"
        raise SettingsError(f"{where} has no environment of its own ({state}); {known}")
    start = time.monotonic()
    tool = TOOLS[name]

    def told(line: str) -> None:
        console.print(line, soft_wrap=True)

    made = install(tool, toolchain, told)
    versions = ", ".join(f"{package} {version}" for package, version in made.versions.items())
    told(f"{tool.what} is ready in {time.monotonic() - start:.0f} s: {versions}")
    return 0
