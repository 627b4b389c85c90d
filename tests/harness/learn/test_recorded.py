from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compiler.cost.features import FEATURES, LEVELS, PAPER
from harness.errors import RecordError
from harness.learn.pairs import survey_of
from harness.learn.recorded import measured_in
from harness.record.journal import CampaignFolder
from tests.harness.learn.campaigns import MACHINE, by_bytes, surveyed


def test_a_campaign_as_surveys(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "small", 48: "large"})
    small, large = measured_in(folder)
    assert (small.network, large.network) == ("small", "large")
    assert small.identity != large.identity
    assert len(small.seconds) > 1  # the one that was not measured is left out
    # the bytes are those the seconds were made of
    survey = survey_of(small, tuple(PAPER))
    held = [dict(zip(LEVELS, row, strict=True)) for row in np.expm1(survey.rows)]
    assert np.allclose([by_bytes(h) for h in held], survey.seconds)
    assert len(np.unique(survey.rows, axis=0)) > 3


def test_what_needs_more_than_caches_is_refused_without(tmp_path: Path) -> None:
    (small,) = measured_in(surveyed(tmp_path / "one", {16: "a"}))
    assert survey_of(small, tuple(PAPER)).expected is None
    with pytest.raises(RecordError, match=r"the machine's caches alone.*features=paper"):
        survey_of(small, tuple(FEATURES))


def test_a_described_machine_is_whole(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"}, architecture=True)
    (small,) = measured_in(folder)
    assert small.machine == replace(MACHINE, name="recorded") and MACHINE.products
    survey = survey_of(small, tuple(FEATURES))
    assert survey.expected is not None and survey.rows.shape[1] == len(FEATURES)
    lines = folder.results_file.read_text()
    folder.results_file.write_text(lines.replace('"isa"', '"was"'))
    with pytest.raises(RecordError, match=r"trial \w+: its host is no machine: .*isa"):
        measured_in(folder)


def test_equal_layers_are_known_in_another_campaign(tmp_path: Path) -> None:
    one = measured_in(surveyed(tmp_path / "one", {16: "a"}))
    two = measured_in(surveyed(tmp_path / "two", {16: "b", 32: "b"}))
    assert [s.identity == one[0].identity for s in two] == [True, False]


def test_a_campaign_without_its_configuration_is_refused(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"})
    folder.configuration.unlink()
    with pytest.raises(RecordError, match=r"campaign\.yaml: does not describe matmul"):
        measured_in(folder)


def test_a_trial_without_its_hosts_caches_is_refused(tmp_path: Path) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"})
    lines = folder.results_file.read_text()
    folder.results_file.write_text(lines.replace("analysed_caches", "forgotten"))
    with pytest.raises(RecordError, match="its host's caches are not recorded"):
        measured_in(folder)


def test_an_empty_campaign_has_none(tmp_path: Path) -> None:
    assert measured_in(CampaignFolder(tmp_path)) == []
