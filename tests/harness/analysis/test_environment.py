from __future__ import annotations

from dataclasses import replace

from harness.analysis.environment import Difference, differences, same_hosts
from harness.analysis.recorded import Recorded
from tests.harness.analysis.past import campaign

ONE = campaign()


def told(other: Recorded) -> list[str]:
    return [str(one) for one in differences(ONE, other)]


def test_nothing_differs() -> None:
    assert differences(ONE, campaign("again")) == ()
    assert same_hosts(ONE, campaign("again"))


def test_hosts_come_first_and_code_last() -> None:
    other = campaign(
        "after",
        host={"fingerprint": "bb", "git_commit": "beef", "load_average": 3.0},
        versions={"compiler": "gcc 13", "numpy": "3"},
        threads=2,
    )
    assert told(other) == [
        "host: fingerprint: aa -> bb",
        "compiler: compiler: gcc 12 -> gcc 13",
        "threads: threads: 1 -> 2",
        "versions: numpy: 2 -> 3",
        "code: git commit: c0ffee -> beef",
    ]
    assert not same_hosts(ONE, other)


def test_measured_facts_differ_beyond_what_measuring_does() -> None:
    assert told(campaign("after", host={"peak_gflops": 202.0})) == []
    assert told(campaign("after", host={"peak_gflops": 150.0})) == ["host: peak_gflops: 198 -> 150"]
    assert told(campaign("after", host={"peak_gflops": None})) == []


def test_facts_that_one_side_lacks_are_unknown() -> None:
    assert told(campaign("after", host={"governor": "powersave"})) == [
        "host: governor: unknown -> powersave"
    ]


def test_configurations_and_sources() -> None:
    documents = ({"threads": 1, "tracking": {"uri": "a"}}, {"threads": 2, "tracking": {"uri": "b"}})
    sides = [
        replace(
            ONE,
            documents=[document],
            starts=[{"code": code, "git_commit": "same", "versions": {}, "nodes": {}}],
        )
        for document, code in zip(documents, ("x", "y"), strict=True)
    ]
    assert differences(*sides) == (
        Difference("configuration", "threads", "1", "2"),
        Difference("code", "sources", "x", "y"),
    )
    assert differences(ONE, replace(sides[0], starts=[])) == ()  # one has no configuration


def test_a_baselines_own_version_stands_under_its_name() -> None:
    other = replace(
        ONE,
        results=tuple(
            replace(r, versions={**r.versions, "version": "9"}) if r.kind == "baseline" else r
            for r in ONE.results
        ),
    )
    assert told(other) == ["versions: onednn version: unknown -> 9"]
