from __future__ import annotations

from harness.record.result import Speedup
from harness.tracking.overview import LONGEST_NOTE, overview
from tests.harness.record.results import baseline_result, strategy_result

BEHIND = strategy_result("conv_b", speedup={"onednn": Speedup(0.5, (0.4, 0.6), "slower")})
RESULTS = (baseline_result(), strategy_result(), baseline_result("conv_b"), BEHIND)


def test_means_verdicts_and_where_it_was() -> None:
    mean = Speedup(0.73, (0.7, 0.76), "slower")
    told = overview(RESULTS, {("roofline", "onednn"): mean})
    assert told.metrics["ok"] == 4
    assert told.metrics["geomean.onednn.roofline"] == 0.73
    assert told.metrics["geomean.onednn.roofline.ci95_high"] == 0.76
    assert told.metrics["verdicts.onednn.faster"] == told.metrics["verdicts.onednn.slower"] == 1
    assert told.metrics["verdicts.onednn.same"] == 0
    assert told.tags["host"] == "node-a" and told.tags["cpu"] == "some processor"
    assert list(told.workloads) == ["conv2d"]
    assert told.workloads == overview(RESULTS[::-1]).workloads
    assert told.workloads != overview(RESULTS[:2]).workloads


def test_the_note_has_the_means_and_the_worst_first() -> None:
    lines = overview(RESULTS).note.splitlines()
    assert lines[0] == "### Geometric means"
    assert "| roofline | 0.73 | 1 faster, 1 slower | 2 ok |" in lines
    rows = [line for line in lines if line.startswith("| conv")]
    assert rows[0].startswith(
        "| conv\\_b | roofline | ok | 191.2 | 97% | 0.50 \\[0.40 0.60\\] | slower"
    )
    assert rows[1].startswith("| conv\\_a |")


def test_the_note_of_a_long_campaign_is_one_that_stores_take() -> None:
    many = [strategy_result(f"conv_{n}", trial=f"t{n}") for n in range(300)]
    hostile = strategy_result("</td><script>" + "x" * 10_000 + "\n| a", status="failed")
    note = overview([*many, hostile]).note
    assert len(note) <= LONGEST_NOTE
    assert "more in results.txt and report.html" in note
    assert "<" not in note
    assert overview([]).note
