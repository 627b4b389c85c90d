from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.measure import statistics
from harness.measure.noise import UNDECIDED
from harness.measure.sample import Sample
from harness.record.result import Speedup


def samples(seconds: dict[tuple[int, int], list[float]], name: str = "x") -> list[Sample]:
    return [
        Sample(name, process, block, 0, value, 1)
        for (process, block), values in seconds.items()
        for value in values
    ]


def test_table_pads_with_nan() -> None:
    held = statistics.table(samples({(0, 0): [1, 2], (0, 1): [3], (1, 0): [4, 5]}), "x")
    np.testing.assert_array_equal(held, [[[1, 2], [3, np.nan]], [[4, 5], [np.nan, np.nan]]])


def test_seconds_are_median_and_minimum_of_all_samples() -> None:
    found = statistics.seconds(np.array([[[1.0, 3.0], [2.0, 5.0]], [[4.0, 9.0], [7.0, 8.0]]]))
    assert (found.median, found.min, found.samples) == (4.5, 1.0, 8)
    assert found.ci95[0] <= found.median <= found.ci95[1]


def test_a_bootstrap_draw_is_the_median_of_a_resample() -> None:
    values = np.arange(12.0).reshape(2, 3, 2)
    draws = statistics.ratio_draws(values, seed=0, draws=500)
    assert draws.shape == (500,)
    assert draws.min() >= 0.5 and draws.max() <= 10.5  # medians of one repeated block at most
    only = statistics.ratio_draws(values[:1, :1], seed=0, draws=50)
    np.testing.assert_array_equal(only, np.full(50, 0.5))


def test_missing_blocks_do_not_count() -> None:
    values = np.full((2, 4, 1), np.nan)
    values[0, :, 0] = 1.0
    values[1, 2, 0] = 3.0
    draws = statistics.ratio_draws(values, seed=0, draws=400)
    assert set(np.unique(draws)) == {1.0, 3.0}
    # a resample of process 1 alone holds its one block: one in four draws
    assert 0.15 < (draws == 3.0).mean() < 0.35


def test_processes_differ_more_than_blocks() -> None:
    """Resampling blocks alone would call this interval far too narrow."""
    rng = np.random.default_rng(0)
    values = np.array([0.9, 1.0, 1.1])[:, None, None] * rng.normal(1, 0.001, (3, 30, 1))
    low, high = statistics.interval(statistics.ratio_draws(values))
    assert low < 0.95 and high > 1.05


def test_ratios_are_taken_within_blocks() -> None:
    """A drift that is the same for both cancels; above 1 the contender is faster."""
    drift = np.linspace(1, 2, 15).reshape(3, 5, 1) * np.ones(4)
    ratios = statistics.block_ratios(3.0 * drift, 2.0 * drift)
    np.testing.assert_allclose(ratios, 1.5)
    found = statistics.speedup(ratios)
    assert found.ratio == pytest.approx(1.5) and found.verdict == "faster"
    assert statistics.half_width(ratios) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("ratio", "interval", "verdict"),
    [
        (1.0, (0.985, 1.015), "same"),
        (1.015, (1.011, 1.019), "same"),  # before faster: a tie by agreement
        (1.03, (1.01, 1.05), "faster"),
        (0.97, (0.95, 0.99), "slower"),
        (1.005, (1.001, 1.03), "inconclusive"),  # less than 1 %
        (1.2, (0.9, 1.5), "inconclusive"),
        (0.995, (0.97, 0.999), "inconclusive"),
    ],
)
def test_verdicts_in_their_order(ratio: float, interval: tuple[float, float], verdict: str) -> None:
    assert statistics.verdict(ratio, interval) == verdict


def mean_of(
    ratios: Sequence[float], draws: Sequence[statistics.Table], disturbed: float = 0.0
) -> Speedup:
    mean = statistics.GeometricMean()
    for ratio, layer in zip(ratios, draws, strict=True):
        mean.add(ratio, layer, disturbed)
    return mean.speedup()


def test_geometric_mean_combines_the_layers_draws() -> None:
    layers = [np.full((3, 5, 1), 2.0), np.full((3, 5, 1), 0.5), np.full((3, 5, 1), 8.0)]
    draws = [statistics.ratio_draws(layer) for layer in layers]
    found = mean_of([2.0, 0.5, 8.0], draws)
    assert found.ratio == pytest.approx(2.0)
    np.testing.assert_allclose(found.ci95, 2.0)
    assert found.verdict == "faster"


def test_a_mean_that_keeps_no_draws_is_that_of_all_draws_to_the_last_digit() -> None:
    rng = np.random.default_rng(1)
    draws = [rng.uniform(0.9, 1.4, 2000) for _ in range(300)]
    ratios = [float(np.median(layer)) for layer in draws]
    combined = np.exp(np.mean([np.log(layer) for layer in draws], axis=0))
    found = mean_of(ratios, draws)
    assert found.ci95 == statistics.interval(combined)
    assert found.ratio == float(np.exp(np.mean(np.log(ratios))))


def test_noise_is_the_share_of_disturbed_samples_of_the_noisier_side() -> None:
    def samples(contender: str, *flags: str) -> list[Sample]:
        return [Sample(contender, 0, 0, n, 1.0, 1, (f,) if f else ()) for n, f in enumerate(flags)]

    one = samples("a", "switched out", "", "page faults", "")
    other = samples("b", "steal", "processor changed", "", "")
    assert statistics.noise(one, "a") == 0.25
    assert statistics.noise([*one, *other], "a", "b") == 0.5


def test_in_noise_nothing_is_faster_or_slower() -> None:
    ratios = np.full((3, 5, 1), 1.2)
    quiet, loud = statistics.speedup(ratios, UNDECIDED), statistics.speedup(ratios, 0.26)
    assert (quiet.verdict, quiet.noise, quiet.reason) == ("faster", UNDECIDED, None)
    assert (loud.verdict, loud.ratio) == ("inconclusive", 1.2)
    assert loud.reason is not None and "faster by its interval, but 26% of" in loud.reason
    assert statistics.speedup(1 / ratios, 0.26).verdict == "inconclusive"
    assert statistics.speedup(np.ones((3, 5, 1)), 0.9).verdict == "same"
    draws = [np.full(9, 1.2)] * 2
    assert mean_of([1.2, 1.2], draws, 0.2).verdict == "faster"
    assert mean_of([1.2, 1.2], draws, 0.3).verdict == "inconclusive"
