"""The simplest pool: units one after the other, in this process."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from harness.cluster.node import node_described, share_of
from harness.cluster.pool import Event, Node, Watch
from harness.cluster.slots import taken
from harness.settings.values import ArchitectureChoice, ClusterChoice
from harness.trial import UnitOutcome, measure_unit, prepare_unit
from harness.unit import Unit


class SerialPool:
    """Compiles and measures in turn, so that nothing of ours disturbs a measurement."""

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache_dir: Path,
        watch: Watch,
    ) -> None:
        self._share = share_of(choice.cores)
        self._cache_dir = cache_dir
        self._watch = watch
        self._waiting: deque[Unit] = deque()
        self._node = node_described(
            socket.gethostname(), self._share, threads, architecture, campaign, cache_dir
        )

    def nodes(self) -> tuple[Node, ...]:
        return (self._node,)

    def submit(self, unit: Unit) -> None:
        self._waiting.append(unit)

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        while self._waiting:
            unit = self._waiting.popleft()
            yield unit, self._measured(unit)

    def close(self) -> None:
        self._waiting.clear()

    def _measured(self, unit: Unit) -> UnitOutcome:
        node = self._node
        self._watch(Event(unit, "preparing", node.name))
        prepared = prepare_unit(unit, node.architecture, self._cache_dir)
        slot = self._share.slots(unit.threads)[0]
        with taken(slot, unit.campaign, lambda who: self._watch(Event(unit, "waiting", note=who))):
            self._watch(Event(unit, "measuring", node.name))
            return measure_unit(prepared, slot, self._cache_dir)
