from __future__ import annotations

import pickle
from dataclasses import replace

from harness.cluster.pool import lost
from harness.unit import Contender, content_id
from tests.harness.campaigns import plan_from


def test_ids_depend_on_values_not_on_the_order_of_keys() -> None:
    assert content_id({"a": 1, "b": [2]}) == content_id({"b": [2], "a": 1})
    assert content_id({"a": 1}) != content_id({"a": 2})
    assert len(content_id({})) == 16


def test_a_units_key_outlives_attempts_and_contenders() -> None:
    (unit,) = plan_from("primitive=matmul").units
    assert replace(unit, attempt=2, strategies=()).key == unit.key
    assert replace(unit, threads=2).key != unit.key
    assert replace(unit, measure=replace(unit.measure, half_width=0.02)).key != unit.key


def test_a_trial_is_a_contender_on_a_kind_of_node() -> None:
    (unit,) = plan_from("primitive=matmul", "strategy=[roofline,top_k]").units
    ids = {unit.trial(c, fingerprint) for c in unit.contenders for fingerprint in ("a", "b")}
    assert len(ids) == 6
    other = Contender("top_k", "strategy", "top_k", {"k": 3, "ranker": "roofline"})
    assert unit.trial(other, "a") not in ids


def test_records_say_how_benchdnn_repeats_a_problem() -> None:
    (unit,) = plan_from("primitive=depthwise_conv2d", "primitive.sizes.stride_h=2").units
    arguments = '--conv --dir=FWD_I g128mb1ic128ih56iw56oc128oh28ow56kh3kw3sh2sw1ph1pw1n"'
    assert unit.problem.facts["benchdnn"] == f'{arguments}depthwise_conv2d"'
    (result, *_) = lost(unit, "measure", "on purpose", None).results
    assert result.problem == unit.problem.facts


def test_a_unit_travels() -> None:
    (unit,) = plan_from("primitive=conv2d").units
    assert pickle.loads(pickle.dumps(unit)) == unit
