from __future__ import annotations

import json
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RecordError
from harness.record.result import Seconds, Speedup, TrialResult, TuningSeconds
from harness.record.result_line import line_of, result_of
from harness.record.typed import LEAST, MOST
from tests.harness.record.results import baseline_result, strategy_result

finite = st.floats(LEAST, MOST)
words = st.text(max_size=20)


@given(
    gflops=st.none() | finite,
    seconds=st.none()
    | st.builds(Seconds, finite, finite, st.tuples(finite, finite), st.integers(0, 2**31)),
    speedup=st.dictionaries(
        words,
        st.builds(
            Speedup, finite, st.tuples(finite, finite), st.sampled_from(["faster", "inconclusive"])
        ),
        max_size=2,
    ),
    tuning=st.builds(TuningSeconds, finite, finite, finite),
    reason=st.none() | words,
    flags=st.lists(words, max_size=3).map(tuple),
    cores=st.lists(st.integers(0, 500), max_size=3).map(tuple),
)
def test_what_is_read_equals_what_was_written(
    gflops: float | None,
    seconds: Seconds | None,
    speedup: dict[str, Speedup],
    tuning: TuningSeconds,
    reason: str | None,
    flags: tuple[str, ...],
    cores: tuple[int, ...],
) -> None:
    result = strategy_result(
        gflops=gflops,
        seconds=seconds,
        speedup=speedup,
        tuning_seconds=tuning,
        reason=reason,
        flags=flags,
        cores=cores,
    )
    line = line_of(result)
    assert "\n" not in line
    assert result_of(line) == result


def test_the_field_names_are_the_fixed_ones() -> None:
    record = json.loads(line_of(strategy_result()))
    assert record["schema"] == 1
    assert record["problem"]["flops"] == 231211008
    assert record["seconds"]["ci95"] == [0.00126, 0.00131]
    assert record["tuning_seconds"]["total"] == 3.75
    assert record["speedup"]["onednn"]["verdict"] == "faster"


def test_no_line_holds_a_number_that_is_not_finite() -> None:
    result = strategy_result(
        max_error=inf,
        gflops=nan,
        seconds=Seconds(nan, 1.0, (1.0, 1.0), 3),
        speedup={"onednn": Speedup(1.0, (0.0, inf), "inconclusive")},
        host={"bandwidth": [1.0, inf]},
    )
    line = line_of(result)
    assert "NaN" not in line
    assert "Infinity" not in line
    read = result_of(line)
    assert (read.max_error, read.gflops, read.seconds) == (None, None, None)
    assert read.speedup == {}
    assert read.host == {"bandwidth": [1.0, None]}


def test_numpy_numbers_are_numbers() -> None:
    result = baseline_result(gflops=np.float32(1.5), problem={"flops": np.int64(3)})
    read = result_of(line_of(result))
    assert (read.gflops, read.problem["flops"]) == (1.5, 3)


def test_unknown_fields_are_ignored_and_omitted_ones_default() -> None:
    record = json.loads(line_of(baseline_result()))
    del record["layouts"], record["speedup"], record["flags"]
    read = result_of(json.dumps(record | {"mood": "good"}))
    assert isinstance(read, TrialResult)
    assert read.layouts == {}
    assert read.flags == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"schema": 2}', "here line 3: unknown schema 2; this version reads 1"),
        ("{}", "missing required field `schema`"),
        ("[1]", "Expected `object`, got `array`"),
        ("{", "truncated"),
        ('{"schema": 1, "x": ' + "[" * 9999, "nested too deeply"),
        ('{"schema": 1, "campaign": "x"}', "missing required field `trial`"),
    ],
)
def test_lines_that_are_refused(line: str, why: str) -> None:
    with pytest.raises(RecordError, match="here line 3") as refused:
        result_of(line, "here line 3")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seconds": {"median": 1.0}}, "`$.seconds`"),
        ({"threads": True}, "Expected `int`, got `bool` - at `$.threads`"),
        ({"threads": 0}, "threads must be 1 to 1e+15, got 0"),
        ({"gflops": -1}, "gflops must be 0 to"),
        ({"cores": [10**400]}, "cores must be 0 to 1e+15, got an integer of 1329 bits"),
        ({"trial": "../../x"}, "'../../x' names no file"),
        ({"host": {"peak_gflops": "fast"}}, "host: Expected `float | null`, got `str`"),
        ({"problem": {"sizes": [1]}}, "problem: Expected `object`, got `array` - at `$.sizes`"),
    ],
)
def test_a_malformed_member_is_refused(changes: dict[str, object], why: str) -> None:
    record = json.loads(line_of(baseline_result())) | changes
    with pytest.raises(RecordError) as refused:
        result_of(json.dumps(record))
    assert why in str(refused.value)
