"""Whatever goes wrong with a unit is that unit's failure: the pool goes on to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cluster import serial_pool
from harness.cluster.serial_pool import SerialPool
from harness.record.result import TrialResult
from harness.settings import load_settings
from tests.harness.campaigns import BRIEF, TOY, plan_from


@pytest.fixture
def link(cache: Path, tmp_path: Path) -> Path:
    """Another way to the cache, which a test may take away."""
    link = tmp_path / "cache"
    link.symlink_to(cache)
    return link


@pytest.fixture
def pool(link: Path) -> SerialPool:
    (settings,) = load_settings([*TOY, "cluster=serial"])
    return SerialPool(
        settings.cluster, settings.architecture, 1, "toy", link, watch=lambda event: None
    )


def _result(pool: SerialPool, *more: str) -> TrialResult:
    (unit,) = plan_from(*TOY, *BRIEF, "baseline=[]", *more).units
    pool.submit(unit)
    ((_, outcome),) = pool.outcomes()
    (result,) = outcome.results
    return result


def test_a_cache_that_has_gone(pool: SerialPool, link: Path, cache: Path) -> None:
    link.unlink()
    link.write_text("no folder")
    lost = _result(pool, "primitive.sizes.n=40")
    assert (lost.status, lost.stage) == ("failed", "measure")  # its scratch cannot be made either
    assert "Not a directory" in str(lost.reason)
    link.unlink()
    link.symlink_to(cache)
    assert _result(pool, "primitive.sizes.n=40").status == "ok"


def test_what_nobody_foresaw(pool: SerialPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_pool, "measure_unit", {}.__getitem__)
    lost = _result(pool)
    assert (lost.status, lost.stage) == ("failed", "measure")
    assert str(lost.reason).startswith("TypeError: ")
