from __future__ import annotations

from harness.analysis.trial_rows import trial_rows
from harness.record.result import Estimate
from tests.harness.record.results import baseline_result, strategy_result


def test_every_row_has_every_column_of_its_kind() -> None:
    full = strategy_result(
        estimate=Estimate(1e-5, "L2", {"L2": 1e-5}, {"L2": 1.0}), rank=2, ranked=9, noise=0.1
    )
    skipped = baseline_result(status="skipped", seconds=None, gflops=None, reason="install it")
    kinds, rows = trial_rows([full, skipped])
    for row in rows:
        assert row.keys() == kinds.keys()
        for name, value in row.items():
            assert value is None or isinstance(
                value, kinds[name] if kinds[name] is not float else (int, float)
            )
    one, other = rows
    assert one["sizes"] == "n=1 ic=64" and one["bound"] == "L2" and one["rank"] == 2
    assert one["speedup.onednn"] == 1.06 and one["verdict.onednn"] == "faster"
    assert one["tuning.total"] == 3.75
    assert other["status"] == "skipped" and other["gflops.low"] is None
    assert other["reason"] == "install it" and other["speedup.onednn"] is None
