"""experiment=03_ranking on a toy problem, from the command line to the records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.record.journal import CampaignFolder
from tests.harness.campaigns import BRIEF

TOY = (
    "workload=null",
    "strategy=[survey]",
    "primitive=conv2d",
    "primitive.sizes={ic: 16, oc: 32, ih: 6, iw: 8}",
    "measure.search_sample_seconds=0.0005",
)


@pytest.mark.parametrize("space", ["full", "paper"])
def test_rank_quality_of_a_toy(
    space: str, tmp_path: Path, build_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    survey = (f"strategy.survey.{key}" for key in ("k=5", "best=1", f"space={space}"))
    assert main(["run", "experiment=03_ranking", *TOY, *survey, *BRIEF, "campaign.dir=one"]) == 0
    folder = CampaignFolder(Path("one"))
    (result,) = folder.results()
    assert (result.status, result.problem["workload"]) == ("ok", None)
    lines = folder.candidates_file(result.trial).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 5 and all(row["measured"] and row["max_error"] for row in rows)
    assert result.schedule in {row["schedule"] for row in rows}
    for ranking in ("roofline", "polydl", "polydl_tree"):
        places = [row["places"][ranking] for row in rows]
        assert 1 in places and max(places) <= rows[0]["candidates"]
    again = folder.again(result.trial)
    roles = {role for row in again for role in row["roles"]}
    assert {"fastest", "drawn", "first roofline", "few polydl", "top polydl_tree"} <= roles
    assert {row["schedule"] for row in again} <= {row["schedule"] for row in rows}
    best = min(again, key=lambda row: row["seconds"]["median"])
    assert best["share"] == 1 and all(len(row["samples"]) > 1 for row in again)
    assert {"microkernel:product" in row["schedule"] for row in rows} == {space == "paper"}
