from __future__ import annotations

from harness.analysis.review.raw_data import MOST_CANDIDATES, MOST_SAMPLES, samples_of, search_of
from harness.record.rows import CandidateRow, SampleRow


def row(n: int, seconds: float = 1e-3, flags: list[str] | None = None) -> SampleRow:
    return SampleRow(
        process=n // 20,
        block=n % 20 // 4,
        position=0,
        seconds=seconds,
        calls=1,
        flags=flags or [],
    )


def candidate(n: int, measured: float, best: float) -> CandidateRow:
    return CandidateRow(schedule=f"s{n}", predicted=1e-3, measured=measured, at=1.0 + n, best=best)


def test_samples_in_the_order_of_time_with_their_flags_and_block_ratios() -> None:
    rows = [row(n, flags=["steal", "page faults"] if n == 3 else []) for n in range(40)]
    found = samples_of("mine", rows, {"onednn": [row(n, 2e-3) for n in range(40)]})
    assert found.total == len(found.seconds) == 40
    assert found.process == (0,) * 20 + (1,) * 20
    assert found.flags[2:5] == ("", "tf", "")
    assert found.ratios == {"onednn": (2.0,) * 10}


def test_no_more_samples_than_a_chart_can_show() -> None:
    found = samples_of("mine", [row(n) for n in range(5 * MOST_SAMPLES)], {})
    assert len(found.seconds) == MOST_SAMPLES
    assert found.total == 5 * MOST_SAMPLES
    assert found.process[-1] == (5 * MOST_SAMPLES - 5) // 20


def test_a_search_as_columns_with_the_chosen_one() -> None:
    rows = [candidate(0, 3e-3, 3e-3), candidate(1, 1e-3, 1e-3), candidate(2, 2e-3, 1e-3)]
    rows.append(CandidateRow(schedule="s9", predicted=1e-3, measured=None))
    found = search_of(rows, "s1")
    assert found is not None
    assert found.measured == (3e-3, 1e-3, 2e-3)
    assert found.chosen == 1
    assert found.best == ((1, 1.0, 3e-3), (2, 2.0, 1e-3), (3, 3.0, 1e-3))  # steps, and the end
    assert found.total == 4


def test_the_chosen_one_stays_among_many() -> None:
    rows = [candidate(n, 1e-3, 1e-3) for n in range(10 * MOST_CANDIDATES)]
    found = search_of(rows, "s777")
    assert found is not None
    assert len(found.measured) == MOST_CANDIDATES + 1
    assert found.chosen == 78


def test_nothing_measured_is_no_search() -> None:
    assert search_of([], "s1") is None
    assert search_of([CandidateRow(schedule="s1", predicted=1.0, measured=None)], "s1") is None
