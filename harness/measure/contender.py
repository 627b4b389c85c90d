"""Contenders of the report tier in real processes: started, verified once, bound, timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.failure import Failure
from harness.kernel.load import ExecutableSpec
from harness.measure.budget import MeasureSettings
from harness.measure.child import Child, ChildSettings
from harness.measure.protocol import Running
from harness.measure.sample import Timed


class ContenderProcess:
    """One contender in one child; answers `Running`."""

    def __init__(self, child: Child, settings: MeasureSettings) -> None:
        self._child = child
        self._settings = settings

    def burst(self) -> tuple[Timed, ...] | Failure:
        chosen = self._settings
        reply = self._child.request(
            "burst",
            chosen.time_limit,
            samples=chosen.samples_per_burst,
            seconds=chosen.sample_seconds,
            settle_seconds=chosen.settle_seconds,
            settle_calls=chosen.settle_calls,
            cold=chosen.cache == "cold",
        )
        if isinstance(reply, Failure):
            return reply
        return tuple(Timed(seconds, calls, tuple(f)) for seconds, calls, f in reply["samples"])

    def pause(self) -> None:
        self._child.pause()

    def resume(self) -> None:
        self._child.resume()

    def close(self) -> None:
        self._child.close()


@dataclass
class ContenderStarter:
    """Starts a round's processes; callable as `harness.measure.protocol.Start`.

    A contender is verified in its first process, before anything of it is timed. `verified` and
    `described` hold what came of that (the fields of harness.kernel.verify.Verified; an adapter's
    own words), `cores` what the children read back.
    """

    executables: Mapping[str, ExecutableSpec]
    data: Path  # the folder of harness.kernel.problem_data
    child: ChildSettings
    settings: MeasureSettings
    verified: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    described: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    cores: tuple[int, ...] = ()

    def __call__(self, names: Sequence[str], process: int) -> dict[str, Running | Failure]:
        """All processes start side by side, then get ready one after the other."""
        children: dict[str, Child] = {}
        started: dict[str, Running | Failure] = {}
        try:
            for name in names:
                try:
                    children[name] = Child(self._child_settings(name))
                except OSError as error:
                    started[name] = Failure("measure", f"no process could be started: {error}")
            for name, child in children.items():
                ready = self._ready(name, child)
                if ready is None:
                    started[name] = ContenderProcess(child, self.settings)
                else:
                    child.close()
                    started[name] = ready
        except BaseException:
            for child in children.values():
                child.close()
            raise
        return started

    def _child_settings(self, name: str) -> ChildSettings:
        spec = self.executables[name]
        environment = {**self.child.environment, **spec.get("environment", {})}
        interpreter = spec.get("interpreter", self.child.interpreter)
        return replace(self.child, interpreter=interpreter, environment=environment)

    def _ready(self, name: str, child: Child) -> Failure | None:
        limit = self.settings.time_limit
        greeting = child.greeting()
        if isinstance(greeting, Failure):
            return greeting
        self.cores = tuple(greeting["cores"])
        data = str(self.data)
        loaded = child.request("load", limit, "verify", executable=dict(self.executables[name]))
        if isinstance(loaded, Failure):
            return loaded
        if name not in self.verified:
            factor = self.settings.tolerance_factor
            verified = child.request("verify", limit, "verify", data=data, factor=factor)
            if isinstance(verified, Failure):
                return verified
            self.verified[name] = verified
        bound = child.request("bind", limit, data=data)
        if isinstance(bound, Failure):
            return bound
        self.described[name] = bound["describe"]
        return None


def prepare_data(
    spec: Mapping[str, object],
    seed: int,
    folder: Path,
    child: ChildSettings,
    seconds: float,
) -> Failure | None:
    """Compute a problem's inputs and reference in a child, unless `folder` has them already."""
    if (folder / "manifest.json").exists():
        return None
    with Child(replace(child, module="harness.measure.reference_worker")) as computing:
        reply = computing.request(
            "prepare", seconds, "plan", spec=dict(spec), seed=seed, folder=str(folder)
        )
    return reply if isinstance(reply, Failure) else None
