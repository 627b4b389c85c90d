"""polydl explain with an order of the user's: working sets, levels, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.cost.features import PAPER
from compiler.cost.tournament import PAIRS, Layer, Tournament
from compiler.cost.tournament_file import tournament_data
from harness.analysis.explained import LoopOrder, Source
from harness.cli import main
from harness.cli.explain import chosen_ranking, chosen_schedule
from harness.settings import load_settings
from tests.compiler.model.blocked import BLOCKED_CONV2D, GOLDEN, TILED_ORDER, matmul_tiles
from tests.harness.campaigns import TOY

MACHINE = "architecture=xeon_8280"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, build_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))


def document_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["explain", *words, MACHINE, "format=json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_literal_blocked_loops(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "primitive").mkdir()
    (tmp_path / "primitive" / "blocked.yaml").write_text(yaml.safe_dump(BLOCKED_CONV2D))
    golden = GOLDEN["levels"][0]
    document = document_of(
        capsys,
        f"--config-dir={tmp_path}",
        "primitive=blocked",
        f"schedule.order=[{','.join(golden['order'])}]",
        f"architecture.caches.L3.bytes={golden['caches'][2]}",
    )
    assert document["levels"] == golden["bytes"]
    assert document["working_sets"] == GOLDEN["pairs"][1]["min_max"]


@pytest.mark.parametrize("case", [0, 1])
def test_tiles_and_a_parallel_loop(case: int, capsys: pytest.CaptureFixture[str]) -> None:
    golden = GOLDEN["parallel"][case]
    tiles = ", ".join(f"{level}: {n}" for level, n in matmul_tiles(golden["tiles"]).items())
    document = document_of(
        capsys,
        "primitive=matmul",
        "primitive.sizes={m: 1024, n: 16, k: 500000}",
        f"schedule.order=[{','.join(TILED_ORDER)}]",
        f"schedule.tiles={{{tiles}}}",
        "schedule.parallel=m@2",
    )
    assert document["levels"] == golden["bytes"]
    assert "#pragma omp parallel for\nfor (long tile2_m = 0; tile2_m < 1024; tile2_m += 16)" in (
        document["kernel"]["text"].replace("\n  ", "\n")
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["schedule.tiles={m: 2}"], "schedule.order must list the loops"),
        (["schedule.order=[m,n,k]", "schedule.tile={m: 2}"], "known: order, tiles, parallel"),
        (["schedule.order=[m@1,m,n,k]", "schedule.tiles={m: 2.5}"], "m: must be a whole number"),
        (["schedule.order=[m@1,m,n,k]", "schedule.tiles={m: 64}"], "m: must be 1 to 6, its loop"),
        (["schedule.order=[m,n,k]", "schedule.parallel=q"], "'q' is not in the order m, n, k"),
        (["schedule.order=[k,m,n]", "schedule.parallel=k"], "k carries the reduction of c"),
        (["schedule.order=[m,n]"], "order: loop 'k' is missing"),
        (["schedule.order=[m,n,k]", "schedule.tiles=[2]"], "must be a mapping of levels to sizes"),
        (["-m", "primitive.sizes.m=1,2"], "unknown option '-m'; known: "),
        (["schedule.order=[m,n,k]", "architecture.caches.L2.bytes=0"], "L2.bytes must be >= 1"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *TOY, MACHINE, *words]) == 2
    errors = capsys.readouterr().err
    assert told in errors and len(errors.splitlines()) == 1


def test_levels_stand_in_lists_and_keys_as_they_are() -> None:
    (settings,) = load_settings(
        [*TOY, "schedule.order=[m@1,n,k,m]", "schedule.tiles={m@1: 2}", "schedule.parallel=m@1"]
    )
    assert chosen_schedule(settings) == LoopOrder(("m@1", "n", "k", "m"), {"m@1": 2}, "m@1")


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["strategy=roofline"], Source("roofline", "full")),
        (["strategy=polydl", "strategy.polydl.space=paper"], Source("polydl", "paper")),
        (["strategy=[polydl_tree,roofline]"], Source("polydl_tree", "full")),
        (["strategy=top_k", "strategy.top_k.ranker=polydl"], Source("polydl", "full")),
        (["strategy=survey", "strategy.survey.space=paper"], Source("roofline", "paper")),
        (["strategy=unfused"], Source("roofline", fuse=False)),
        (["strategy=apart"], Source("roofline", attach=False)),
        (["strategy=whole_sums"], Source("roofline", private=False)),
        (["strategy=roofline_libxsmm"], Source("roofline", microkernel="libxsmm")),
        (["strategy=fixed", "strategy.fixed.schedule=x"], Source()),
        (["strategy=[]"], Source()),
    ],
)
def test_the_first_strategy_names_the_ranking(words: list[str], source: Source) -> None:
    (settings,) = load_settings([*TOY, *words])
    assert chosen_ranking(settings) == source


def test_a_tournament_with_a_network_of_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = 2 * len(PAPER)
    # the score is the second schedule's L1 bytes: whoever holds more in L1 loses
    weights = tuple((1.0,) if i == len(PAPER) else (0.0,) for i in range(inputs))
    scaling = (0.0,) * inputs, (1.0,) * inputs
    network = Tournament(tuple(PAPER), PAIRS, *scaling, (Layer(weights, (0.0,)),), {})
    (tmp_path / "net.json").write_text(json.dumps(tournament_data(network)))
    sizes = "primitive.sizes={m: 24, n: 32, k: 16}"
    words = ["primitive=matmul", sizes, "strategy=tournament"]
    document = document_of(capsys, *words, f"strategy.tournament.model={tmp_path}/net.json")
    assert document["ranking"] == "tournament"
    in_l1 = [ranked["parts"]["log L1 bytes"] for ranked in document["ranked"]]
    assert in_l1 == sorted(in_l1) and len(set(in_l1)) > 1
    missing = f"strategy.tournament.model={tmp_path}/none.json"
    assert main(["explain", *words, MACHINE, missing]) == 2
    assert "none.json: No such file" in capsys.readouterr().err
