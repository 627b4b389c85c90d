from __future__ import annotations

from dataclasses import replace

import pytest

from harness.claims.claim import Claims, Expected, Tolerance
from harness.claims.records import Records
from harness.claims.verdict import Here, allowed, expected_told, judged, lacked, unfit
from tests.harness.claims.records import HERE, toy_claims

MACHINE = Here(HERE, 2)


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Claims:
    return toy_claims(tmp_path_factory.mktemp("claims"))


@pytest.fixture(scope="module")
def records(claims: Claims) -> Records:
    return Records.of(claims.folder / claims.campaigns["toy"].records)


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [
        ({"at_least": 0.5}, "reproduced"),
        ({"at_most": 0.5}, "deviates"),
        ({"at_least": 0.5, "at_most": 0.6}, "deviates"),
        ({"value": 9.0}, "deviates"),
        ({"value": None}, "reproduced"),  # what is measured, that is
    ],
)
def test_a_verdict_is_by_interval(
    expected: dict[str, float | None], verdict: str, claims: Claims, records: Records
) -> None:
    claim = claims.claims["ahead"]
    found = judged(claim, claims, records, MACHINE).measured
    assert found is not None
    bounds = {key: found.value if value is None else value for key, value in expected.items()}
    one = judged(replace(claim, expected=Expected(**bounds)), claims, records, MACHINE)
    assert one.verdict == verdict and one.unexplained == (verdict == "deviates")
    explained = replace(claim, expected=Expected(**bounds), explained="known")
    assert not judged(explained, claims, records, MACHINE).unexplained


def test_an_interval_that_reaches_beyond_is_told(claims: Claims, records: Records) -> None:
    claim = claims.claims["ahead"]
    whole = judged(claim, claims, records, MACHINE).measured
    assert whole is not None and whole.low < whole.value < whole.high
    exact = replace(claim, expected=Expected(value=whole.value), tolerance=Tolerance(0.0, "none"))
    one = judged(exact, claims, records, MACHINE)
    assert (one.verdict, one.note) == ("reproduced", "its interval reaches beyond")


def test_workloads_without_records_are_named(claims: Claims, records: Records) -> None:
    claim = claims.claims["ahead"]
    held = {str(result.problem["workload"]) for result in records.results}
    some = replace(claim, of=replace(claim.of, workloads=(*held, "vgga", "alexnet")))
    note = "nothing is recorded of vgga, alexnet"
    whole = judged(some, claims, records, MACHINE)
    assert (whole.verdict, whole.note) == ("not attempted", f"in part: {note}")
    assert whole.measured is not None
    one = judged(some, claims, records, MACHINE, part=True)
    assert (one.verdict, one.note) == ("reproduced", note)
    far = replace(some, expected=Expected(at_least=9.0), explained="known")
    assert judged(far, claims, records, MACHINE, part=True).note == f"known; {note}"
    assert not judged(claim, claims, records, MACHINE).note


def test_problems_without_the_figure_are_counted(claims: Claims, records: Records) -> None:
    claim = claims.claims["ahead"]
    whole = judged(claim, claims, records, MACHINE).measured
    first = next(r for r in records.results if r.contender == "roofline" and r.seconds)
    less = tuple(r for r in records.results if r is not first)
    one = judged(claim, claims, Records(records.folder, less), MACHINE)
    assert whole is not None and one.measured is not None
    assert one.measured.problems == whole.problems - 1
    assert one.note == f"1 of its {whole.problems} problems has no such figure"


def test_what_is_not_attempted_says_why(claims: Claims, records: Records) -> None:
    ahead, elsewhere = claims.claims["ahead"], claims.claims["elsewhere"]
    assert judged(elsewhere, claims, "x", MACHINE).note == "other machine"
    told = judged(ahead, claims, "not recorded yet", MACHINE)
    assert told.verdict == "not attempted"
    assert told.note == "not recorded yet; polydl run experiment=toy (1 min)"
    foreign = judged(replace(ahead, host="there"), claims, records, MACHINE)
    assert foreign.verdict == "not attempted" and foreign.measured is not None
    assert foreign.note.startswith("other machine: measured ")
    nowhere = replace(ahead, of=replace(ahead.of, problems=("nowhere",)))
    assert judged(nowhere, claims, records, MACHINE).note == "none of its problems is recorded"


def test_a_machine_that_cannot_measure_a_campaign(claims: Claims) -> None:
    toy, far = claims.campaigns["toy"], claims.campaigns["far"]
    assert unfit(toy, claims.hosts, MACHINE) is None
    assert (
        unfit(far, claims.hosts, MACHINE)
        == "other machine: Another is claimed of, A processor is here"
    )
    wide = replace(toy, threads=28)
    assert unfit(wide, claims.hosts, MACHINE) == "fewer cores: 28 are needed, 2 are here"
    lacking = replace(toy, needs=("onednn", "autotvm"))
    without = replace(MACHINE, missing=frozenset({"autotvm"}))
    assert unfit(lacking, claims.hosts, without) == "library missing: autotvm"
    assert unfit(lacking, claims.hosts, MACHINE) is None
    assert lacked(far, MACHINE) is None  # it could be run here
    both = unfit(replace(far, threads=28), claims.hosts, MACHINE)
    assert both is not None and both.startswith("fewer cores: 28 are needed, 2 are here; other ma")


def test_what_is_allowed_and_how_it_is_told() -> None:
    two = Tolerance(0.02, "x")
    assert allowed(Expected(value=1.0), two) == (0.98, 1.02)
    assert allowed(Expected(at_least=1.0), two) == (0.98, float("inf"))
    assert allowed(Expected(at_most=-1.0), two) == (float("-inf"), -0.98)
    assert (
        expected_told(Expected(at_least=1.0, at_most=1.5), two) == "at least 1, at most 1.5 ± 2 %"
    )
    assert expected_told(Expected(value=0.0), Tolerance(0.0, "x")) == "0"
    assert expected_told(None, None) == ""
