from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SettingsError
from harness.settings.request import combinations, parsed, request_from


def test_options_and_overrides_in_any_order(tmp_path: Path) -> None:
    one = request_from(["threads=1", "-m", "--config-dir", str(tmp_path), "seed=2"])
    other = request_from([f"--config-dir={tmp_path}", "threads=1", "seed=2", "--multirun"])
    assert one == other
    assert one.overrides == ("threads=1", "seed=2")
    assert one.multirun and one.config_dir == tmp_path


def test_a_sweep_is_the_product() -> None:
    request = request_from(["-m", "primitive=matmul", "primitive.sizes.n=256,512", "threads=1,2"])
    assert combinations(request) == [
        ("primitive=matmul", f"primitive.sizes.n={n}", f"threads={t}")
        for n in (256, 512)
        for t in (1, 2)
    ]


def test_ranges_and_lists() -> None:
    request = request_from(["-m", "threads=range(1,4)", "strategy=[roofline,top_k]"])
    assert [c[0] for c in combinations(request)] == ["threads=1", "threads=2", "threads=3"]
    assert {c[1] for c in combinations(request)} == {"strategy=[roofline,top_k]"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["threads=1,2"], "add -m"),
        (["-m", "seed=1,2"], "only primitive, workload, strategy"),
        (["-m", "campaign.name=a,b"], "not campaign"),
        (["--frobnicate"], "unknown option '--frobnicate'"),
        (["--config-dir"], "needs a folder"),
        (["--config-dir", "/nowhere/at/all"], "no folder at /nowhere/at/all"),
        (["threads"], "cannot read 'threads'"),
        (["strategy=[roofline"], "cannot read 'strategy=[roofline'"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        combinations(request_from(arguments))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_schedules_text_can_be_pasted() -> None:
    text = "broadcast/vector:oc.8/tile:ow.6+oc.2/order:n+oc@1+oh+ow+oc/layout:a.aBcd8b/unroll:4"
    (override,) = parsed([f"strategy.fixed.schedule={text}"])
    assert override.value() == text
