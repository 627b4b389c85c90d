"""Packages that add strategies, rankings and baselines: taken up by name, refused in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.baseline.builders import known_builders
from harness.cli import main
from harness.errors import EnvironmentProblem
from harness.plugins import plugin_packages
from harness.record.journal import CampaignFolder
from harness.strategy.known import known_strategies
from harness.strategy.rankings import known_rankings
from tests.harness.campaigns import BRIEF, TOY
from tests.harness.packages import install, install_example

START = "import sys; from harness.cli import main; sys.exit(main())"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_an_example_package_is_measured(target: Path, tmp_path: Path, build_cache: Path) -> None:
    install_example(target)
    words = [
        *("strategy=[skipping,shortest,top_k]", "strategy.skipping.ranking=shortest"),
        *("strategy.top_k.ranker=shortest", "strategy.top_k.k=2", "baseline=[small_only]"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", START, "run", *TOY, *BRIEF, *words, "campaign.dir=one"],
        env={**os.environ, "PYTHONPATH": str(target), "XDG_CACHE_HOME": str(build_cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = {r.contender: r for r in CampaignFolder(tmp_path / "one").results()}
    assert list(results) == ["skipping", "shortest", "top_k", "small_only"]
    assert (results["shortest"].rank, results["skipping"].rank) == (1, 2)
    assert results["shortest"].speedup.keys() == {"small_only"}
    assert {r.versions["polydl-example"] for r in results.values()} == {"1.2"}


def test_names_are_listed_with_the_others(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install_example(target)
    assert plugin_packages() == {"polydl-example": "1.2"}
    assert main(["run", *TOY, "strategy=magic"]) == 2
    assert "roofline_libxsmm, shortest, skipping, survey, " in capsys.readouterr().err
    assert main(["run", *TOY, "strategy=skipping", "strategy.skipping.skip=-1"]) == 2
    assert "strategy.skipping.skip must be >= 0, got -1" in capsys.readouterr().err
    asked = [*TOY, "baseline=[small_only]", "baseline.small_only.most_flops=0"]
    assert main(["run", *asked]) == 2
    assert "baseline.small_only.most_flops must be >= 1, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("group", "name", "text", "told"),
    [
        ("strategies", "mine", "import no_such_module", "ModuleNotFoundError: No module named"),
        ("strategies", "mine", "raise SystemExit(3)", "SystemExit: 3"),
        ("strategies", "mine", "1 +", "SyntaxError: invalid syntax"),
        ("strategies", "mine", "", "AttributeError: module 'broken' has no attribute 'THING'"),
        ("strategies", "mine", "THING = 3", "broken:THING is a int"),
        ("strategies", "top_k", "THING = 3", "the name is taken"),
        ("strategies", "a-b", "THING = 3", "its name is no identifier"),
        ("rankings", "mine", "THING = 'x'", "broken:THING is a str"),
        ("rankings", "roofline", "THING = len", "the name is taken"),
        ("baselines", "mine", "raise ValueError('a\\nb' * 1000)", "ValueError: a\\nba\\nb"),
        ("baselines", "twin", "THING = 3", "the name is taken"),
    ],
)
def test_a_broken_package_is_one_line(
    group: str, name: str, text: str, told: str, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = {f"polydl.{group}": {name: "broken:THING"}}
    install(target, "polydl-broken", "0.1", entries, {"broken.py": text})
    sys.modules.pop("broken", None)
    assert main(["run", *TOY]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"package polydl-broken 0.1 adds '{name}' to polydl.{group}, which cannot" in line
    assert told in line and line.endswith("pip uninstall polydl-broken") and len(line) <= 300


def test_two_packages_cannot_share_a_name(target: Path) -> None:
    for name in ("one", "other"):
        entries = {"polydl.rankings": {"mine": f"{name}_module:rank"}}
        install(target, name, "1", entries, {f"{name}_module.py": "rank = len"})
    with pytest.raises(EnvironmentProblem, match=r"package other 1 adds 'mine' .* is taken"):
        known_rankings()


BAD_ANSWERS = """
from dataclasses import dataclass
from harness.baseline.baseline import Available, Builder
from harness.options import NoOptions
from harness.strategy.strategy import Strategy

STRATEGY = Strategy(NoOptions, lambda options, rankings: ["not", "a", "choice"])

def ranking(nest, schedules, machine, threads):
    return schedules

@dataclass
class Broken:
    name: str = "bad"
    tunes: bool = False
    def available(self): return Available("1")
    def supports(self, primitive): return None
    def prepare(self, primitive, threads, cores=()): return "ready"

BASELINE = Builder(NoOptions, lambda options, toolchain: Broken())
"""


def test_wrong_answers_are_failures_of_their_own(
    target: Path, build_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    groups = {
        "polydl.strategies": {"bad": "bad_answers:STRATEGY"},
        "polydl.rankings": {"unranked": "bad_answers:ranking"},
        "polydl.baselines": {"broken": "bad_answers:BASELINE"},
    }
    install(target, "bad-answers", "1", groups, {"bad_answers.py": BAD_ANSWERS})
    words = ["strategy=[bad,unranked,roofline]", "baseline=[broken]", "campaign.dir=one"]
    assert main(["run", *TOY, *BRIEF, *words]) == 1
    found = {r.contender: (r.status, r.reason) for r in CampaignFolder(Path("one")).results()}
    assert found["roofline"] == ("ok", None)
    assert found["bad"][0] == "failed" and "something else than a Chosen" in str(found["bad"][1])
    assert found["unranked"][0] == "failed"
    assert found["broken"][0] == "failed" and "none of a baseline's" in str(found["broken"][1])


def test_what_is_installed_no_more_is_known_no_more(target: Path) -> None:
    install_example(target)
    assert {"skipping", "shortest"} <= set(known_strategies())
    sys.path.remove(str(target))
    assert not {"skipping", "shortest"} & set(known_strategies())
    assert "small_only" not in known_builders()
