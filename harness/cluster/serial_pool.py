"""The simplest pool: units one after the other, in this process."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from compiler.errors import shown
from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.node import node_described, share_of
from harness.cluster.pool import Event, Node, Watch, lost
from harness.cluster.slots import taken
from harness.kernel.toolchain import Toolchain
from harness.record.result import Stage
from harness.scratch import clear_scratch
from harness.trial import UnitOutcome, installed_here, measure_unit, prepare_unit
from harness.unit import Contender, Unit

log = logging.getLogger("polydl")


class SerialPool:
    """Compiles and measures in turn, so that nothing of ours disturbs a measurement."""

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache: Path,
        watch: Watch,
    ) -> None:
        self._share = share_of(choice.cores, choice.exclusive)
        self._toolchain = Toolchain.opened(cache)
        clear_scratch(self._toolchain.scratch)
        self._watch = watch
        self._waiting: deque[Unit] = deque()
        self._node = node_described(
            socket.gethostname(), self._share, threads, architecture, campaign, self._toolchain
        )

    def nodes(self) -> tuple[Node, ...]:
        return (self._node,)

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        return installed_here(baselines, self._toolchain)

    def submit(self, unit: Unit) -> None:
        self._waiting.append(unit)

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        while self._waiting:
            unit = self._waiting.popleft()
            yield unit, self._measured(unit)

    def close(self) -> None:
        self._waiting.clear()

    def _measured(self, unit: Unit) -> UnitOutcome:
        """Whatever goes wrong is this unit's failure: what the others measured stands."""
        stage: Stage = "compile"
        try:
            self._watch(Event(unit, "preparing", self._node.name))
            jobs = len(os.sched_getaffinity(0))  # nothing is measured meanwhile
            prepared = prepare_unit(unit, self._node.architecture, self._toolchain, jobs)
            stage = "measure"
            slot = self._share.slots(unit.threads)[0]
            with taken(slot, unit.campaign, partial(self._tell_waiting, unit)):
                self._watch(Event(unit, "measuring", self._node.name))
                return measure_unit(prepared, slot, self._toolchain)
        except OSError as error:
            return lost(unit, stage, shown(error), self._node)
        except Exception as error:  # nobody foresaw it; the other units have not met it
            log.exception("%s: this should not happen", unit.problem.name)
            return lost(unit, stage, f"{type(error).__name__}: {shown(error, 200)}", self._node)

    def _tell_waiting(self, unit: Unit, who: str) -> None:
        self._watch(Event(unit, "waiting", self._node.name, who))
