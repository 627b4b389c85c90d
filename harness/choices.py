"""What a user asks for of machines and of the campaign, in types that need no Hydra: nodes too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from compiler.pipeline import LIBRARIES
from compiler.problem.architecture import Architecture, CacheLevel
from harness.errors import SettingsError

Options = Mapping[str, Any]
Exclusive = Literal["core", "numa", "node"]  # what a measurement keeps others away from


@dataclass(frozen=True)
class ArchitectureChoice:
    """A machine by name. `fields` are those of Architecture that the configuration sets.

    `libraries` are those whose matrix product some strategy wants: they have to be there, and are
    measured.
    """

    name: str
    model: str | None
    fields: Options
    caches: Mapping[str, Options]  # by level; fields of CacheLevel
    libraries: tuple[str, ...] = ()

    @property
    def is_host(self) -> bool:
        return self.name == "host"

    def described(self) -> Architecture:
        """The machine as its file describes it. Raises SettingsError where the file has gaps."""
        if self.is_host:
            raise SettingsError("architecture host is detected, not described")
        needed = ("isa", "vector_bytes", "vector_registers")
        missing = [key for key in needed if key not in self.fields]
        missing += [f"caches.{k}.bytes" for k, level in self.caches.items() if "bytes" not in level]
        if missing:
            raise SettingsError(f"architecture {self.name}: not set: {', '.join(missing)}")
        levels = tuple(CacheLevel(name=k, **level) for k, level in self.caches.items())
        return Architecture(name=self.name, caches=levels, **self.fields)

    def applied_to(self, detected: Architecture) -> Architecture:
        """The detected machine with the configuration's own values on top."""
        levels = {level.name: level for level in detected.caches}
        for name, fields in self.caches.items():
            if name in levels:
                levels[name] = replace(levels[name], **fields)
            elif "bytes" in fields:
                levels[name] = CacheLevel(name=name, **fields)
        caches = tuple(levels[name] for name in sorted(levels))
        return replace(detected, **self.fields, caches=caches)


def libraries_in(strategies: Iterable[Options]) -> tuple[str, ...]:
    """Those that options of strategies name, as their microkernel or in a schedule."""
    named, lines = set[object](), list[str]()
    for options in strategies:
        named.add(options.get("microkernel"))
        lines.append(str(options.get("schedule")))
    return tuple(
        library
        for library in LIBRARIES
        if library in named or any(f"microkernel:{library}" in line for line in lines)
    )


@dataclass(frozen=True)
class ClusterChoice:
    kind: Literal["serial", "local", "ray"]
    address: str | None
    auth: Literal["token", "none"]
    cores: tuple[int, ...] | None
    exclusive: Exclusive
    attempts: int  # of a unit whose node, agent or worker was lost
    silent_seconds: float  # without a heartbeat, until a node is quarantined
    without_nodes_seconds: float  # until what is left is recorded as failed
    install: Literal["uv", "pip"] | None = None  # what brings packages to nodes that lack them


@dataclass(frozen=True)
class CampaignChoice:
    name: str | None
    dir: str | None
    resume: str | None
    accept_changes: bool  # resumed although code, configuration or host are others
    dry_run: bool
    experiment: str | None  # the experiment's name, for the default name of the campaign

    @property
    def named_by_default(self) -> bool:
        return self.name is None and self.dir is None and self.resume is None
