from __future__ import annotations

from compiler.problem.specification import primitive_from
from harness.analysis.review.loop_nest import nest_told
from tests.fuzz.inputs import small
from tests.harness.record.results import strategy_result

CACHES = {"analysed_caches": {"L1": 2**15, "L2": 2**20}}


def test_levels_tile_and_statements_of_a_schedule() -> None:
    schedule = "broadcast/vector:n.16/tile:n.1+m.2/order:n+m+k/layout:b.Ba16b"
    primitive = primitive_from({**small("matmul"), "sizes": {"m": 6, "n": 32, "k": 8}})
    told = nest_told(strategy_result(schedule=schedule, host=CACHES), primitive)
    assert told.loops[0].startswith("layout b as Ba16b")
    assert told.loops[1].startswith("for n: 2")
    assert told.loops[2].startswith("  for m: 3")
    assert set(told.working_sets) == {"L1", "L2", "memory"}
    assert sum(told.working_sets.values()) > 0


def test_no_working_sets_without_known_caches() -> None:
    result = strategy_result(schedule="scalar/order:m+n+k", host={})
    told = nest_told(result, primitive_from(small("matmul")))
    assert told.loops[-1].strip().startswith("S0: ")
    assert told.working_sets == {}
