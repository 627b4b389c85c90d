"""What may be written at a place of the configuration."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.settings.offered import keys_below, values_of

CONV = ["primitive=conv2d"]
TOP_K = ["strategy=[roofline,top_k]"]


@pytest.mark.parametrize(
    ("words", "parent", "some"),
    [
        ([], "measure", {"cache=", "budget_seconds="}),
        ([], "architecture", {"caches.", "isa="}),
        ([], "architecture.caches", {"L1.", "L2.", "L3."}),
        (CONV, "primitive", {"sizes.", "statements=", "constant="}),
        (CONV, "primitive.sizes", {"ic=", "stride="}),
        (TOP_K, "strategy", {"roofline.", "top_k."}),
        (TOP_K, "strategy.top_k", {"k=", "ranker="}),
        ([], "threads", set()),
        ([], "nothing.at.all", set()),
        ([], "primitive", set()),
    ],
)
def test_keys_below_a_key(words: list[str], parent: str, some: set[str]) -> None:
    found = keys_below(words, parent)
    assert some <= set(found) and (some or not found)


@pytest.mark.parametrize(
    ("words", "key", "values"),
    [
        ([], "campaign.dry_run", ["true", "false"]),
        ([], "cluster.exclusive", ["core", "numa", "node"]),
        ([], "format", ["text", "json", "html", "c"]),
        ([], "measure.cache", ["hot", "cold"]),
        (TOP_K, "strategy.top_k.space", ["full", "paper"]),
        (TOP_K, "strategy.top_k.k", []),
        (["strategy=survey"], "strategy.survey.rankings", ["roofline", "polydl", "polydl_tree"]),
        (["baseline=onednn_winograd"], "baseline.onednn_winograd.algorithm", ["direct"]),
        (["workload=gemms"], "workload.select", ["gemm_00", "gemm_09"]),
        (["workload=benchdnn"], "workload.select", []),
        ([], "workload.select", []),
        ([], "threads", []),
        ([], "strategy.fixed.from", []),
        ([], "no.such.key", []),
        ([], "strategy", []),
        ([], "", []),
    ],
)
def test_values_of_a_key(words: list[str], key: str, values: list[str]) -> None:
    found = values_of(words, key)
    assert set(values) <= set(found) and (values or not found)


def test_words_that_are_no_configuration_are_refused() -> None:
    with pytest.raises(HarnessError):
        keys_below(["primitive=nothing"], "primitive")
