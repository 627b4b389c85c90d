"""The cost of bytes by level, and what decides between equal costs."""

from __future__ import annotations

from compiler.cost.polyrank import polyrank_cost, polyrank_tie_break


def test_the_cost_weighs_bytes_by_the_latency_of_their_level() -> None:
    assert polyrank_cost({"L1": 1, "L2": 10, "L3": 100, "memory": 1000}) == 4 + 140 + 6000 + 84000
    assert polyrank_cost({"memory": 3}) == 252
    # The published order of the golden convolution's two loop orders: 2429 and 1852 GFLOP/s
    faster = {"L1": 17144, "L2": 516360, "L3": 0, "memory": 4552448}
    slower = {"L1": 17144, "L2": 295688, "L3": 0, "memory": 8757504}
    assert polyrank_cost(faster) < polyrank_cost(slower)


def test_equal_costs_are_told_apart_by_bandwidth() -> None:
    near, far = {"L1": 0, "L3": 14, "memory": 0}, {"L1": 0, "L3": 0, "memory": 10}
    assert polyrank_cost(near) == polyrank_cost(far)
    assert polyrank_tie_break(near) == 14 / 16
    assert polyrank_tie_break(far) == 10 / 55
    assert polyrank_tie_break({"L1": 192, "L2": 96}) == 2
