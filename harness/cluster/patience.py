"""How long the driver waits for nodes and units before it takes them for lost."""

from __future__ import annotations

from dataclasses import dataclass

from harness.choices import ClusterChoice
from harness.estimates import estimated_seconds
from harness.trial.measure import REFERENCE_SECONDS
from harness.unit import Unit

ANALYSE_SECONDS = 300.0  # of one strategy's ranking
GENEROUS = 10.0  # times the estimate
TUNER_ENDS = 300.0  # after its budget: the last trial, building the best, ending what hangs
REQUESTS = 4  # of a contender's requests to its child, how many may reach their own limit


@dataclass(frozen=True)
class Patience:
    """All times are in seconds, but for `attempts` and `asked`."""

    attempts: int = 3  # of a unit whose worker, agent or node was lost
    beat: float = 1.0  # between two questions to an agent; more where there are many
    asked: float = 500.0  # questions a second to all agents: each costs the driver 0.2 ms
    silent: float = 10.0  # without an answer until a node is quarantined
    arrival: float = 60.0  # from sending a unit until its agent reports it
    describe: float = 120.0  # an agent's start, with the first measurement of the ceilings
    rest: float = 1.0  # a node's first quarantine; every further one is twice as long
    longest_rest: float = 60.0
    without_nodes: float = 120.0  # until what is left is recorded as failed

    def beat_of(self, agents: int) -> float:
        """Between two questions to one of so many, soon enough for its silence to be noticed."""
        return max(self.beat, min(agents / self.asked, self.silent / 4))

    @staticmethod
    def chosen(choice: ClusterChoice) -> Patience:
        """As the configuration has it."""
        return Patience(
            attempts=choice.attempts,
            silent=choice.silent_seconds,
            without_nodes=choice.without_nodes_seconds,
        )


def prepare_limit(unit: Unit) -> float:
    """Seconds that ranking and compiling may take at most: beyond it something hangs."""
    compilations = sum(int(str(c.options.get("k", 1))) for c in unit.strategies)
    return ANALYSE_SECONDS * max(1, len(unit.strategies)) + unit.measure.compile_seconds * (
        compilations + len(unit.baselines)
    )


def measure_limit(unit: Unit) -> float:
    """Seconds on a slot, after which something hangs that no limit of its own has ended."""
    requests = REQUESTS * len(unit.contenders) * unit.measure.time_limit
    budgets = [float(str(c.options.get("budget_seconds", 0))) for c in unit.baselines]
    tuning = sum(budget + TUNER_ENDS for budget in budgets if budget)
    return REFERENCE_SECONDS + requests + tuning + GENEROUS * estimated_seconds(unit)
