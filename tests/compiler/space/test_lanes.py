"""Layouts with the lanes innermost, for a tensor and for what lies like it."""

from __future__ import annotations

from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.specification import primitive_from
from compiler.space.lanes import lanes_innermost, may_lie
from tests.compiler.machines import AVX512

SHIFTED = primitive_from(
    {
        "name": "shifted",
        "sizes": {"i": 1001, "j": 3},
        "tensors": {"x": ["i + 2*j"], "y": ["i"], "z": ["i"], "t": ["i"]},
        "outside": {"z": 1},
        "statements": [
            "y[i] += x[i + 2*j]",
            "z[i] = max(y[i], 0)",
            "t[i] = z[i] / (1 + abs(z[i - 2]))",
        ],
    }
)


def test_what_is_read_at_a_shift_is_in_no_blocks() -> None:
    nest = loop_nest(SHIFTED).nest
    tag = lanes_innermost(nest, nest.statements[0].target, "i", 16)
    assert tag == "A16a" and may_lie(nest, "y", tag) and may_lie(nest, "z", None)
    assert not may_lie(nest, "z", tag)


def test_it_is_fused_all_the_same() -> None:
    best = ranked_schedules(SHIFTED, AVX512)[0].schedule
    assert [one.statement for band in best.bands for one in band.fusion] == [1], str(best)
