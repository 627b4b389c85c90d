from __future__ import annotations

from dataclasses import replace

from harness.analysis.pairing import common_baseline, matched, problem_label, trials_by_key
from tests.harness.record.results import baseline_result, strategy_result


def test_problem_conditions_and_contender_make_the_key() -> None:
    one = strategy_result()
    others = [
        strategy_result("conv_b"),
        strategy_result("conv_a", "top_k"),
        replace(one, threads=2),
        replace(one, cache="cold"),
        replace(one, problem={**one.problem, "sizes": {"n": 2, "ic": 64}}),
        replace(one, architecture="xeon"),
    ]
    assert len(trials_by_key([one, *others])) == 7
    elsewhere = replace(one, host={"fingerprint": "bb"}, trial="x", campaign="y", attempt=2)
    ((key, trials),) = trials_by_key([one, elsewhere]).items()
    assert trials == [one, elsewhere] and "conv_a" in key


def test_several_hosts_are_matched_by_their_kind() -> None:
    a, b, c = (strategy_result(host={"fingerprint": kind}) for kind in "abc")
    assert matched([a], [b]) == [(a, b)]
    assert matched([a, b], [b, c]) == [(b, b)]
    assert matched([a, b], [c]) == []


def test_a_baseline_is_the_same_thing_by_version_and_host() -> None:
    trials = [strategy_result(), strategy_result()]

    def common(**changes: object) -> str | None:
        other = replace(baseline_result(), **changes)  # type: ignore[arg-type]
        return common_baseline(trials, [{"onednn": baseline_result()}, {"onednn": other}])

    assert common() == "onednn"
    ours = {**baseline_result().versions, "python": "4", "onednn_library": "/elsewhere"}
    assert common(versions=ours) == "onednn"
    assert common(versions={"onednn": "3.3.0"}) is None
    assert common(host={"fingerprint": "other"}) is None
    assert common(kernel="of a twin") is None
    assert common_baseline(trials, [{}, {}]) is None


def test_labels_tell_unusual_conditions() -> None:
    assert problem_label(strategy_result()) == "conv_a"
    told = strategy_result(threads=2, cache="cold", architecture="xeon")
    assert problem_label(told) == "conv_a threads=2 cold xeon"
