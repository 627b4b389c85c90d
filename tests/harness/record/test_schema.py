"""docs/reference/record.schema.json says what a record is, to readers that are not this project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.record.result import Estimate, ProcessNoise, RooflineFacts, TrialResult, Verification
from harness.record.result_line import line_of, result_of
from tests.harness.record.results import baseline_result, strategy_result

FILE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "record.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
VALID = Draft202012Validator(SCHEMA)


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_real_records_are_valid(small_campaign: CampaignFolder) -> None:
    lines = small_campaign.results_file.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert {r["status"] for r in records} == {"ok", "skipped"} and len(records) == 10
    for record in records:
        assert not list(VALID.iter_errors(record))
        assert record.keys() == SCHEMA["properties"].keys()


def test_records_of_failures_and_of_everything_are_valid() -> None:
    full = strategy_result(
        estimate=Estimate(1e-5, "L2", {"compute": 1e-5}, {"L2": 1e6}),
        roofline=RooflineFacts(1e-6, "L2", 1e5, 2e5, "L2", 60.0),
        of_roofline=0.7,
        processes=(ProcessNoise(1e-5, 20, 2),),
        verified=Verification({"exact": 2}, 0.5, "reordered", True),
        drift=(1.0, 1.01),
    )
    failed = baseline_result(status="failed", stage="verify", reason="wrong", seconds=None)
    for result in (full, failed):
        assert not list(VALID.iter_errors(json.loads(line_of(result))))


def test_every_field_is_described_and_no_other() -> None:
    assert SCHEMA["properties"].keys() == {one.name for one in fields(TrialResult)}
    undescribed = [path for path, node in nodes(SCHEMA) if "description" not in node]
    assert not undescribed


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named property, also inside of others."""
    for name, node in schema.get("properties", {}).items():
        if "$ref" not in node and "enum" not in node:
            yield f"{path}/{name}", node
        yield from nodes(node, f"{path}/{name}")
        for inner in ("items", "additionalProperties"):
            if isinstance(node.get(inner), dict):
                yield from nodes(node[inner], f"{path}/{name}")


BROKEN: list[tuple[str, object]] = [
    ("schema", 2),
    ("trial", "../elsewhere"),
    ("kernel", "a/b"),
    ("status", "great"),
    ("stage", "sleep"),
    ("kind", None),
    ("threads", 0),
    ("threads", "one"),
    ("gflops", -1.0),
    ("gflops", "fast"),
    ("rank", 0),
    ("seconds", {"median": 0.0, "min": 1.0, "ci95": [1.0, 1.0], "samples": 3}),
    ("seconds", {"median": 1.0, "min": 1.0, "ci95": [1.0], "samples": 3}),
    ("seconds", {"median": 1.0}),
    ("speedup", {"onednn": {"ratio": 1.0, "ci95": [1.0, 1.0], "verdict": "great"}}),
    ("speedup", []),
    ("cores", [-1]),
    ("flags", "steal"),
    ("cache", "tepid"),
    ("problem", None),
    ("versions", {"python": 3}),
    ("drift", ["slow"]),
    ("of_roofline", -0.1),
    ("roofline", {"seconds": 1.0, "bound": "L2"}),
    ("roofline", {"seconds": -1.0, "bound": "L2", "operations": 1, "bytes": 1, "level": "L2"}),
]


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_what_readers_refuse_is_invalid(field: str, value: object) -> None:
    record = {**json.loads(line_of(strategy_result())), field: value}
    assert list(VALID.iter_errors(record))
    with pytest.raises(RecordError):
        result_of(json.dumps(record))


def test_later_versions_may_add_fields() -> None:
    record = {**json.loads(line_of(strategy_result())), "new": {"a": 1}}
    assert not list(VALID.iter_errors(record))
    assert result_of(json.dumps(record)) == strategy_result()
