"""What is explained: of a strategy's schedule, and of the primitive's own loops in an order."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from compiler.cost.polyrank import polyrank_cost
from compiler.model.perfect_nest import nest_of_order
from compiler.model.reuse import isl_working_sets
from compiler.pipeline import parse_schedule
from compiler.problem.specification import primitive_from
from harness.analysis.explained import LoopOrder, Source, explained
from harness.report.explain import as_json, as_text
from tests.compiler.machines import AVX2, AVX512
from tests.compiler.problem.operators import CHAIN, OPERATORS, SCANS, conv2d, matmul, shipped

POINTWISE: dict[str, Any] = conv2d(ic=16, oc=32, ih=4, iw=4, kh=1, kw=1, pad_h=0, pad_w=0)


def test_an_order_is_of_the_primitives_own_loops() -> None:
    primitive = primitive_from(POINTWISE)
    order = LoopOrder(("n", "oc@1", "oh", "ow", "ic", "oc", "kw"), {"oc": 8})
    one = explained("pointwise", primitive, AVX2, 1, order)
    shown = one.shown
    assert shown.reuse is not None and shown.estimate is None
    nest = nest_of_order(primitive, order.levels, order.tiles)
    assert shown.reuse.working_sets == isl_working_sets(nest)
    assert shown.reuse.cost == polyrank_cost(shown.reuse.levels)
    assert str(shown.schedule) == "scalar/order:kh+n+oc@1+oh+ow+ic+oc+kw/block:oc@1.8"
    assert "for (long i_oc = tile1_oc; i_oc < tile1_oc + 8; ++i_oc)" in shown.kernel.text
    loops = json.loads(as_json(one))["loop_nest"]
    assert loops[:3] == ["for kh: 1", "  for n: 1", "    for oc@1: 4 pieces of 8"]
    assert "\n".join(f"  {line}" for line in loops) in as_text(one)


@pytest.mark.parametrize("ranking", ["roofline", "polydl", "polydl_tree"])
def test_the_schedule_is_the_rankings_first(ranking: str) -> None:
    one = explained("small", primitive_from(matmul(n=16)), AVX2, 1, source=Source(ranking))
    assert one.ranked[0].schedule == one.shown.schedule
    assert one.shown.reuse is not None and one.shown.estimate is not None
    document = json.loads(as_json(one))
    assert (document["ranking"], document["space"]) == (ranking, "full")
    assert list(document["levels"]) == ["L1", "L2", "L3", "memory"]
    assert document["working_sets"] == [list(x) for x in one.shown.reuse.working_sets]
    assert document["estimate"]["parts"].keys() == one.shown.estimate.parts.keys()
    if ranking == "polydl":
        parts = {**document["levels"], "cost": document["polyrank_cost"]}
        assert document["ranked"][0]["parts"] == parts
    assert f"by {ranking}, " in as_text(one)


def test_the_estimate_is_a_table_of_its_parts() -> None:
    machine = replace(AVX2, memory_bandwidth=10.0)
    schedule = parse_schedule("broadcast/vector:n.8/tile:m.2/order:n+m+k/unroll:2")
    one = explained("small", primitive_from(matmul(n=16)), machine, 1, schedule)
    assert one.shown.estimate is not None
    text = as_text(one)
    table = text[text.index("estimate  by roofline") : text.index("\nkernel  ")].splitlines()
    rows = {line.split()[0]: line.split() for line in table[2:] if line}
    assert rows.keys() == {*one.shown.estimate.parts, "total"}
    for name, seconds in one.shown.estimate.parts.items():
        assert rows[name][1] == f"{1e6 * seconds:.2f}"
    moved = one.shown.estimate.parts["memory"] * 10e9
    assert f": {moved:,.0f} bytes at 10.0 GB/s of a core" in " ".join(rows["memory"])
    assert "an assumed rate" in " ".join(rows["L2"])


def test_the_estimates_total_is_what_was_predicted_not_the_sum_of_its_parts() -> None:
    one = explained("layer", primitive_from(conv2d(ic=64, oc=64, ih=28, iw=28)), AVX2, 1)
    estimate = one.shown.estimate
    assert estimate is not None and estimate.seconds is not None
    assert estimate.seconds < 0.99 * sum(estimate.parts.values())  # else the two look alike
    rows = [line.split() for line in as_text(one).split("  part", 1)[1].splitlines()[1:]]
    table = {row[0]: row[1:3] for row in rows[: len(estimate.parts) + 1]}
    assert table.pop("total") == [f"{1e6 * estimate.seconds:.2f}", "1.00"]
    shares = {name: f"{s / estimate.seconds:.2f}" for name, s in estimate.parts.items()}
    assert {name: share for name, (_, share) in table.items()} == shares
    assert list(table) == sorted(table, key=lambda name: -estimate.parts[name])
    assert json.loads(as_json(one))["estimate"]["seconds"] == estimate.seconds


@pytest.mark.parametrize(
    ("spec", "dependences"),
    [
        (
            matmul(m=4, n=1, k=6),
            [
                "WAW c S0->S0 (reduction)  m:0 k:1..5",
                "RAW c S0->S0 (reduction)  m:0 k:1..5",
                "WAR c S0->S0 (reduction)  m:0 k:1..5",
                "RAR b S0->S0  m:1..3 k:0",
            ],
        ),
        (
            OPERATORS["recurrence"],  # y[t,i] = y[t-1,i+1] + x[i]
            ["RAW y S0->S0  t:1 i:-1", "RAR x S0->S0  t:1..4 i:0"],
        ),
        (OPERATORS["scatter"], ["WAW y S0->S0  i:1..2 j:-2..-1"]),  # y[i+j] = x[i,j], j < 3
    ],
    ids=lambda value: str(value["name"]) if isinstance(value, dict) else "",
)
def test_dependences_are_told_with_their_distances(
    spec: dict[str, Any], dependences: list[str]
) -> None:
    one = explained("small", primitive_from(spec), AVX2, 1)
    assert list(one.dependences) == dependences
    assert json.loads(as_json(one))["dependences"] == dependences
    told = as_text(one).split("\ndependences\n")[1].split("\n\n")[0]
    assert told.splitlines() == [f"  {line}" for line in dependences]


def test_working_sets_of_several_statements_are_those_of_the_product() -> None:
    one = explained("chain", primitive_from(CHAIN), AVX2, 1)
    assert json.loads(as_json(one))["working_sets"]
    none = explained("pool", primitive_from(SCANS), AVX2, 1)
    assert json.loads(as_json(none))["working_sets"] is None
    assert "none: they are analysed for one statement" in as_text(none)


def test_what_is_fused_is_told() -> None:
    found = json.loads(as_json(explained("chain", primitive_from(CHAIN), AVX2, 1)))["fusions"]
    assert [one["statement"] for one in found if one["at"] == "tile"] == [1, 2, 3]
    assert all(len(one["seconds"]) == 2 for one in found)
    text = as_text(explained("chain", primitive_from(CHAIN), AVX2, 1))
    assert "S1 on the register tile: " in text


def test_what_is_inside_a_level_is_told_with_the_traffic_that_it_saves() -> None:
    rows = explained("rows", primitive_from(shipped("softmax", m=2048, n=1000)), AVX2, 1)
    found = json.loads(as_json(rows))["fusions"]
    inside = [one for one in found if one["at"] not in (None, "tile")]
    assert inside and all(one["saved"]["memory"] > 0 for one in inside)
    assert re.search(r"S1 inside level m(@1)?: predicted .* apart; .* MB less from ", as_text(rows))


def test_where_intermediates_live_is_told() -> None:
    block = primitive_from(shipped("inverted_residual"))
    one = explained("block", block, AVX512, 1)
    found = {x["tensor"]: x for x in json.loads(as_json(one))["intermediates"]}
    assert set(found) == {"expanded", "filtered"}
    for tensor, told in found.items():
        assert told["inside"] and 0 < told["bytes"] < told["whole"] and told["why"] is None
        assert f"{tensor} in a piece of {' and '.join(told['inside'])}, " in as_text(one)
    assert sum(found["expanded"]["saved"].values()) > 0


def test_what_forbids_an_attachment_is_told() -> None:
    scalar = "scalar/order:m+n/scalar/order:m+n/scalar/order:m+n/scalar/order:m/scalar/order:m+n"
    softmax = primitive_from(shipped("softmax", m=16, n=32))
    whole = explained("rows", softmax, AVX2, 1, parse_schedule("scalar/order:m+n"))
    apart = explained("rows", softmax, AVX2, 1, parse_schedule(scalar))
    for one, why in ((whole, "its statements and their reader stand in one band"), (apart, None)):
        told = json.loads(as_json(one))["intermediates"]
        assert {x["tensor"]: x["why"] for x in told}["largest"] == why
        assert "largest in full, 64 bytes" in as_text(one)


@pytest.mark.parametrize("levels", [(), ("L1",), ("L1", "L2"), ("L1", "L3")])
@pytest.mark.parametrize("ranking", ["roofline", "polydl"])
def test_a_machine_without_some_caches(levels: tuple[str, ...], ranking: str) -> None:
    caches = tuple(level for level in AVX2.caches if level.name in levels)
    machine = replace(AVX2, caches=caches)
    one = explained("small", primitive_from(POINTWISE), machine, 1, source=Source(ranking))
    assert one.shown.reuse is not None
    assert list(one.shown.reuse.levels) == [*levels, "memory"]
    assert as_text(one)


def test_a_single_iteration_reuses_nothing() -> None:
    primitive = primitive_from(matmul(m=1, n=1, k=1))
    for chosen in (None, LoopOrder(("m",))):
        reuse = explained("one", primitive, AVX2, 1, chosen).shown.reuse
        assert reuse is not None
        assert (reuse.working_sets, reuse.cost, set(reuse.levels.values())) == ((), 0, {0})
