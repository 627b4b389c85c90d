from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from rich.console import Console

from harness.analysis.rank_quality import CampaignQuality, rank_quality
from harness.record.result import RooflineFacts, Speedup, TrialResult, Verdict
from harness.report.tables import MOST_PROBLEMS, WORST, campaign_table, render_campaign
from harness.report.terminal import as_text
from tests.harness.record.results import baseline_result, strategy_result

UNMEASURED: dict[str, Any] = {"gflops": None, "seconds": None, "speedup": {}, "max_error": None}
UNSURE = {"onednn": Speedup(0.989, (0.94, 1.03), "inconclusive")}


def campaign() -> list[TrialResult]:
    results = []
    for name in ("resnet50_00", "gemm_128x2048x4096"):
        results += [
            baseline_result(name),
            strategy_result(name),
            strategy_result(name, "top_k", speedup=UNSURE),
        ]
    return [
        *results,
        strategy_result(
            "odd", status="failed", stage="verify", reason="wrong [by 3]", **UNMEASURED
        ),
        baseline_result("odd", status="skipped", reason="install it with: x", **UNMEASURED),
    ]


def test_what_the_table_says() -> None:
    text = render_campaign(campaign())
    lines = text.splitlines()
    assert "hot | 1 thread | host | measured peak 198 GFLOP/s a core" in lines[0]
    (row,) = (line for line in lines if line.startswith("resnet50_00"))
    assert row.split() == [
        *("resnet50_00", "roofline", "191.2", "[187", "194]", "97%"),
        *("1.06", "[1.04", "1.08]", "faster", "2e-06", "3.8", "s"),
    ]
    (mean,) = (line for line in lines if line.startswith("geometric mean"))
    assert mean.split()[2:] == ["roofline", "2", "ok,", "1", "failed", "1.06", "11.2", "s"]
    assert "failed (verify)" in text
    assert lines[-3:] == [
        "8 trials: 6 ok, 1 failed, 1 skipped",
        "roofline on odd: failed (verify): wrong [by 3]",
        "onednn on odd: skipped: install it with: x",
    ]


def test_shares_of_the_bandwidth_where_tensors_take_long() -> None:
    """1.28 MB in 0.00128 s at 2 GB/s: half, shown if it is much of what any kernel takes."""
    moved = RooflineFacts(6.4e-4, "L2", 1e5, 1.28e6, "L2", 2.0)
    computed = replace(moved, seconds=9e-4, bound="compute", bandwidth=100.0)
    shown, hidden = (
        render_campaign([strategy_result("one", of_roofline=share, roofline=facts)]).splitlines()
        for facts, share in ((moved, 0.6), (computed, 0.7))
    )
    assert shown[1].split()[4:8] == ["%]", "peak", "roofline", "bandwidth"]
    assert shown[3].split()[5:8] == ["97%", "60%", "50%"]
    assert "bandwidth" not in hidden[1]


def test_shares_of_the_own_roofline_with_their_mean_and_the_least() -> None:
    results = [
        strategy_result(name, of_roofline=share) for name, share in (("one", 0.9), ("two", 0.4))
    ]
    lines = render_campaign(results).splitlines()
    assert lines[1].split()[4:7] == ["%]", "peak", "roofline"]
    shares = {line.split()[0]: line.split()[6] for line in lines if " 191.2 " in line}
    assert shares == {"one": "90%", "two": "40%"}
    (mean,) = (line for line in lines if line.startswith("geometric mean"))
    assert "60%" in mean.split()
    assert "least share of an own roofline: roofline 40%" in lines
    assert "own roofline" not in render_campaign(campaign())


def test_an_own_roofline_that_is_the_peak_takes_no_column() -> None:
    """Of products and convolutions it is: 97 % of the one are 97 % of the other."""
    shown = render_campaign([strategy_result(name, of_roofline=0.974) for name in ("one", "two")])
    assert "97%" in shown and "own roofline" not in shown
    assert "roofline" not in shown.splitlines()[1]


def test_noise_stands_in_words_and_marks_verdicts() -> None:
    def noisy(name: str, share: float, reason: str | None = None) -> list[TrialResult]:
        verdict: Verdict = "faster" if reason is None else "inconclusive"
        speedup = {"onednn": Speedup(1.06, (1.04, 1.08), verdict, share, reason)}
        return [
            strategy_result(name, noise=share, speedup=speedup),
            baseline_result(name, noise=0.0),
        ]

    results = [*noisy("calm", 0.1), *noisy("windy", 0.11), *noisy("stormy", 0.4, "withheld")]
    lines = render_campaign(results).splitlines()
    told = {line.split()[0]: line.split()[9:-3] for line in lines if "roofline  " in line}
    assert told["calm"] == ["faster", "quiet", "10%"]
    assert told["windy"] == ["faster!", "some", "11%"]
    assert told["stormy"] == ["inconclusive!", "loud", "40%"]
    assert lines[-1] == (
        "not to be trusted, measured in noise: roofline on stormy (40%), roofline on windy (11%); "
        "1 verdicts withheld"
    )


def test_what_was_no_choice_is_told() -> None:
    flags = ("not vectorised", "only candidate")
    results = [strategy_result("one", flags=flags), strategy_result("two", flags=flags[1:])]
    lines = render_campaign(results).splitlines()
    assert lines[-2:] == [
        "not vectorised: roofline on one",
        "only candidate: roofline on one, roofline on two",
    ]


def test_a_command_in_a_note_stays_on_one_line() -> None:
    command = f"mend it with: {'polydl ' * 20}end"
    text = render_campaign([baseline_result("odd", status="skipped", reason=command)])
    assert f"onednn on odd: skipped: {command}" in text.splitlines()


def test_it_fits_a_hundred_columns() -> None:
    text = render_campaign(campaign(), width=100)
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text


def test_plain_text_has_no_colours_and_a_terminal_has() -> None:
    assert "\x1b" not in render_campaign(campaign())
    shown = io.StringIO()
    Console(file=shown, force_terminal=True, width=100).print(campaign_table(campaign()))
    assert "\x1b[32m" in shown.getvalue()


def test_many_baselines_are_wider_than_the_terminal_and_lose_nothing() -> None:
    names = [f"baseline_{number}" for number in range(6)]
    speedup = {name: Speedup(1.06, (1.04, 1.08), "faster") for name in names}
    results = [strategy_result("resnet50_00", speedup=speedup)]
    results += [baseline_result("resnet50_00", contender=name) for name in names]
    text = render_campaign(results, width=60)
    assert text.count("1.06 [1.04 1.08] +") == 6
    assert "resnet50_00 " in text
    assert "…" not in text


def test_a_narrow_terminal_folds_the_problem_where_it_fits_then() -> None:
    for width, folded in ((40, False), (92, False), (100, True)):
        text = render_campaign(campaign(), width=width)
        assert "1.06 [1.04 1.08]  faster" in text
        assert "inconclusive" in text
        assert ("gemm_128x2048x4096" not in text) == folded


def test_means_carry_their_interval() -> None:
    means = {("roofline", "onednn"): Speedup(1.055, (1.03, 1.07), "faster")}
    text = render_campaign(campaign(), means)
    (mean,) = (line for line in text.splitlines() if line.startswith("geometric mean"))
    assert "1.05 [1.03 1.07]  faster" in mean or "1.06 [1.03 1.07]  faster" in mean


def test_several_baselines_have_a_sign_each() -> None:
    both = {
        "onednn": Speedup(1.06, (1.04, 1.08), "faster"),
        "autotvm": Speedup(0.9, (0.8, 0.95), "slower"),
    }
    text = render_campaign([strategy_result(speedup=both), baseline_result()])
    assert "1.06 [1.04 1.08] + 0.90 [0.80 0.95] -" in text
    assert "+ faster, - slower" in text
    assert max(map(len, text.splitlines())) <= 100


def test_shared_cores_are_told() -> None:
    assert "1 of them were measured on shared cores" in render_campaign(
        [strategy_result(quality="shared"), baseline_result()]
    )


def test_an_empty_campaign_has_a_table_too() -> None:
    assert "0 trials: 0 ok" in render_campaign([])


def test_rank_quality_follows_in_a_table_of_its_own() -> None:
    results = [strategy_result("resnet50_07", "survey")]
    rows = [{"measured": 1.0 + n % 7, "places": {"roofline": n + 1}} for n in range(40)]
    quality = rank_quality(results, lambda trial: rows if trial == results[0].trial else ())
    text = render_campaign(results, quality=quality)
    lines = [line.split() for line in text.splitlines()]
    heading = next(at for at, words in enumerate(lines) if words[:2] == ["problem", "ranking"])
    assert lines[heading + 2][:5] == ["resnet50_07", "roofline", "40", "1.00", "1.00"]
    assert ["random", "pick", "1"] in [words[:3] for words in lines]
    assert max(map(len, text.splitlines())) <= 100 and "…" not in text
    assert "rank quality" not in render_campaign(results, quality=CampaignQuality())


def test_every_result_is_held_against_the_peak_that_was_measured_with_it() -> None:
    """Resumed in another environment, a node has another peak; what was recorded stays."""
    old = baseline_result("conv_a", gflops=50.0, host={"peak_gflops": 100.0})
    new = baseline_result("conv_b", gflops=50.0, host={"peak_gflops": 200})
    text = render_campaign([old, new])
    assert "measured peak 100 to 200 GFLOP/s a core" in text
    assert [word for word in text.split() if word.endswith("%") and word[0].isdigit()] == [
        "50%",
        "25%",
    ]
    assert "peak" not in render_campaign([baseline_result(host={})]).splitlines()[0]


def test_of_a_large_campaign_the_worst_are_shown_and_all_are_counted() -> None:
    def ratio(number: int) -> Speedup:
        value = 1.0 + number / 1000
        return Speedup(value, (value, value), "faster")

    count = MOST_PROBLEMS + 100
    results = [strategy_result(f"p{n}", speedup={"onednn": ratio(n)}) for n in range(count - 1)]
    results.append(strategy_result("broken", status="failed", stage="verify", reason="wrong"))
    text = render_campaign(results)
    lines = text.splitlines()
    rows = [line.split()[0] for line in lines if "roofline" in line and "[" in line]
    assert rows[:WORST] == ["broken", *(f"p{n}" for n in range(WORST - 1))]
    assert f"the worst {WORST} problems; {count - WORST} more" in text
    assert f"{count} trials: {count - 1} ok, 1 failed" in text
    full = as_text(campaign_table(results, full=True))
    assert "more: polydl show" not in full and f"p{count - 2} " in full
