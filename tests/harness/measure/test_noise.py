from __future__ import annotations

import pytest

from harness.measure.noise import MARKED, UNDECIDED, judged, noise_of, word_for


def test_page_faults_are_no_noise() -> None:
    assert noise_of([("steal", "page faults"), ("page faults",), ("switched out",), ()]) == 0.5
    assert noise_of([]) == 0.0


@pytest.mark.parametrize(
    ("noise", "word"),
    [
        (0.0, "quiet"),
        (MARKED, "quiet"),
        (MARKED + 0.01, "some"),
        (UNDECIDED, "some"),
        (UNDECIDED + 0.01, "loud"),
    ],
)
def test_words(noise: float, word: str) -> None:
    assert word_for(noise) == word
    verdict, reason = judged("slower", noise)
    assert (verdict == "inconclusive") == (word == "loud") == (reason is not None)
    assert judged("same", noise) == ("same", None)
