from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.cost.tournament import level_rows
from harness.errors import RecordError
from harness.learn.surveys import surveys_of
from harness.record.journal import CampaignFolder
from tests.harness.learn.campaigns import by_bytes, surveyed


def test_a_campaign_as_surveys(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "small", 48: "large"})
    small, large = surveys_of(folder)
    assert (small.network, large.network) == ("small", "large")
    assert small.identity != large.identity
    assert 1 < len(small.seconds) == len(small.rows)  # the one that was not measured is left out
    # the bytes are those the seconds were made of
    names = ("L1", "L2", "L3", "memory")
    held = [dict(zip(names, map(int, row), strict=True)) for row in small.rows]
    assert np.allclose([by_bytes(h) for h in held], small.seconds)
    assert len(np.unique(level_rows(held), axis=0)) > 3


def test_equal_layers_are_known_in_another_campaign(tmp_path: Path) -> None:
    one = surveys_of(surveyed(tmp_path / "one", {16: "a"}))
    two = surveys_of(surveyed(tmp_path / "two", {16: "b", 32: "b"}))
    assert [s.identity == one[0].identity for s in two] == [True, False]


def test_a_campaign_without_its_configuration_is_refused(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"})
    folder.configuration.unlink()
    with pytest.raises(RecordError, match=r"campaign\.yaml: does not describe matmul"):
        surveys_of(folder)


def test_a_trial_without_its_hosts_caches_is_refused(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"})
    lines = folder.results_file.read_text()
    folder.results_file.write_text(lines.replace("analysed_caches", "forgotten"))
    with pytest.raises(RecordError, match="its host's caches are not recorded"):
        surveys_of(folder)


def test_an_empty_campaign_has_none(tmp_path: Path) -> None:
    assert surveys_of(CampaignFolder(tmp_path)) == []
