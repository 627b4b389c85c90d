"""Small campaigns for the tests: plans, a pool that replays, and settings that measure briefly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from compiler.problem.architecture import Architecture
from harness.cluster.pool import Node
from harness.plan import Plan, planned
from harness.record.result import Status, TrialResult
from harness.settings import load_settings
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit

PLENTY = 2**40
NODE = Node(
    name="node-a",
    fingerprint="f" * 16,
    architecture=Architecture("host", "x86_64", 32, 16, peak=100.0),
    slots=1,
    quality="exclusive",
    free_bytes=PLENTY,
    facts={"fingerprint": "f" * 16},
)
# The shortest measurement that the protocol allows: about a second a unit.
BRIEF = (
    "measure.budget_seconds=0.05",
    "measure.processes=1",
    "measure.max_processes=1",
    "measure.min_blocks=1",
    "measure.sample_seconds=0.001",
    "measure.settle_seconds=0.0005",
    "tracking=journal",
)
TOY = ("primitive=matmul", "primitive.sizes={m: 6, n: 16, k: 8}")


def plan_from(*overrides: str, free_bytes: int = PLENTY) -> Plan:
    return planned(load_settings(overrides), "toy", free_bytes, lambda source: source)


def replayed(unit: Unit, contender: Contender, status: Status = "ok") -> TrialResult:
    return TrialResult(
        campaign=unit.campaign,
        trial=unit.trial(contender, NODE.fingerprint),
        problem=unit.problem.facts,
        contender=contender.name,
        kind=contender.kind,
        architecture=unit.architecture_name,
        threads=unit.threads,
        status=status,
        stage="verify" if status == "failed" else None,
        reason="broken on purpose" if status == "failed" else None,
        gflops=1.0 if status == "ok" else None,
        host=NODE.facts,
    )


class ReplayPool:
    """Answers at once; `fails` chooses the trials that fail. Counts what it was asked for.

    Baselines called as in `missing` are not installed.
    """

    def __init__(
        self,
        fails: Callable[[Unit, Contender], bool] = lambda unit, c: False,
        missing: Sequence[str] = (),
    ) -> None:
        self.submitted: list[Unit] = []
        self.closed = 0
        self._fails = fails
        self._missing = missing
        self._waiting: deque[Unit] = deque()

    def nodes(self) -> tuple[Node, ...]:
        return (NODE,)

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        return tuple(b for b in baselines if b.name not in self._missing)

    def submit(self, unit: Unit) -> None:
        self.submitted.append(unit)
        self._waiting.append(unit)

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        while self._waiting:
            unit = self._waiting.popleft()
            results = tuple(replayed(unit, c, self._status(unit, c)) for c in unit.contenders)
            yield unit, UnitOutcome(results=results)

    def close(self) -> None:
        self.closed += 1

    def _status(self, unit: Unit, contender: Contender) -> Status:
        if contender.name in self._missing:
            return "skipped"
        return "failed" if self._fails(unit, contender) else "ok"


class Onlooker:
    """Keeps what a campaign tells while it runs."""

    def __init__(self) -> None:
        self.units: list[str] = []
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None:
        self.plan = plan

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        self.units.append(unit.problem.name)
