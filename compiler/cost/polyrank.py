"""PolyRank: the cost of a schedule from the bytes that its working sets hold in each level.

    cost = 4*L1 + 14*L2 + 60*L3 + 84*memory                load latencies in cycles
    ties by L1/192 + L2/96 + L3/16 + memory/55             bytes per cycle

The authors break what still ties by the measured speed; here it stays a tie.
"""

from __future__ import annotations

from collections.abc import Mapping

LATENCY = {"L1": 4, "L2": 14, "L3": 60, "memory": 84}
BYTES_PER_CYCLE = {"L1": 192, "L2": 96, "L3": 16, "memory": 55}


def polyrank_cost(levels: Mapping[str, int]) -> int:
    """Cycles to load the bytes held in each level, one by one; absent levels hold nothing."""
    return sum(levels.get(level, 0) * cycles for level, cycles in LATENCY.items())


def polyrank_tie_break(levels: Mapping[str, int]) -> float:
    """Cycles to stream the same bytes: what decides between equal costs."""
    return sum(levels.get(level, 0) / rate for level, rate in BYTES_PER_CYCLE.items())
