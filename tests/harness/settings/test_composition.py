"""A sweep is composed quickly; the slow way is what it must agree with."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from harness import conf_files
from harness.conf_files import CONF
from harness.errors import SettingsError
from harness.plan import planned
from harness.settings import load_settings, schema
from harness.settings.request import parsed, request_from
from harness.settings.sweeps import combinations

SWEEP = (
    "-m",
    "primitive=matmul,conv2d",
    "strategy=roofline,[roofline,top_k],polydl",
    "baseline=[]",
    "primitive.sizes.n=range(1,6)",
    "primitive.plain=[],[c]",
    "threads=1,2",
    "primitive.dtype=f32",
    "architecture.caches.L2.bytes=1000",
    "format=json",
)
GROUPS = ("primitive", "strategy", "baseline")


def slowly(arguments: tuple[str, ...]) -> list[object]:
    """Every combination on a copy of its own of the whole configuration."""
    schema.register()
    known: dict[tuple[str, ...], DictConfig] = {}
    found: list[object] = []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        request = request_from(arguments)
        for combination in combinations(parsed(request.overrides), True, lambda group: ()):
            groups = tuple(text for text in combination if text.partition("=")[0] in GROUPS)
            if groups not in known:
                known[groups] = compose("config", list(groups))
            config = copy.deepcopy(known[groups])
            for override in parsed([text for text in combination if text not in groups]):
                key, value = override.key_or_group, override.value()
                OmegaConf.update(config, key, value, merge=True, force_add=True)
            found.append(OmegaConf.to_container(config, resolve=True, enum_to_str=True))
    return found


def test_a_sweep_is_what_it_is_one_by_one() -> None:
    quickly = [settings.resolved for settings in load_settings(SWEEP)]
    assert len(quickly) == 120
    assert quickly == slowly(SWEEP)


def test_a_combination_leaves_nothing_behind() -> None:
    values = "strategy.top_k={k: 3},{per_tile: 2},{k: 5}"
    several = load_settings(["-m", "primitive=matmul", "strategy=top_k", values, "threads=1,2"])
    options = [
        (one.strategies[0].options["k"], one.strategies[0].options["per_tile"]) for one in several
    ]
    assert options == [(3, 4)] * 2 + [(8, 2)] * 2 + [(5, 4)] * 2
    alone = "architecture.caches.L3.bytes=5,6"
    fewer = load_settings(["-m", "architecture=xeon_8280", "~architecture.caches.L2", alone])
    assert [list(one.architecture.caches) for one in fewer] == [["L1", "L3"]] * 2


def test_what_combinations_share_is_shared() -> None:
    one, other = load_settings(["-m", "primitive=matmul", "primitive.sizes.n=1,2"])
    assert one.resolved["strategy"] is other.resolved["strategy"]
    assert one.resolved["primitive"] != other.resolved["primitive"]


def test_files_that_change_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    monkeypatch.setattr(conf_files, "CONF", tmp_path / "conf")
    file = tmp_path / "conf" / "primitive" / "matmul.yaml"

    def asked(name: str) -> object:
        return load_settings([f"primitive={name}"])[0].problems[0].spec["sizes"]

    first = asked("matmul")
    assert asked("matmul") == first != {"m": 512, "n": 5, "k": 512}
    file.write_text(file.read_text().replace("n: 512", "n: 5"))
    assert asked("matmul") == {"m": 512, "n": 5, "k": 512}
    with pytest.raises(SettingsError, match="unknown option 'another'"):
        asked("another")
    shutil.copy(file, file.with_name("another.yaml"))
    assert asked("another") == asked("matmul")


def test_values_may_refer_to_others(tmp_path: Path) -> None:
    (tmp_path / "primitive").mkdir()
    text = (CONF / "primitive" / "matmul.yaml").read_text()
    (tmp_path / "primitive" / "mine.yaml").write_text(text.replace("n: 512", "n: '${threads}'"))
    several = load_settings(
        ["-m", f"--config-dir={tmp_path}", "primitive=mine", "threads=1,2", "seed=${threads}"]
    )
    assert [(s.threads, s.problems[0].spec["sizes"]["n"], s.seed) for s in several] == [
        (1, 1, 1),
        (2, 2, 2),
    ]


def test_a_whole_key_cannot_be_left_out() -> None:
    with pytest.raises(SettingsError, match="~threads: threads cannot be left out"):
        load_settings(["~threads"])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("hydra/launcher=joblib", "runs where `cluster` says"),
        ("hydra/launcher=basic", "runs where `cluster` says"),
        ("hydra.launcher.n_jobs=3", "runs where `cluster` says"),
        ("hydra/sweeper=optuna", "-m tries all combinations"),
        ("hydra.sweep.dir=x", "campaign.dir=DIR"),
        ("hydra.run.dir=x", "campaign.dir=DIR"),
        ("hydra.mode=MULTIRUN", "-m sweeps"),
    ],
)
def test_what_hydra_would_run_a_sweep_by_says_what_does(override: str, told: str) -> None:
    """Taken and without effect, such a word would be a wrong answer."""
    key = override.partition("=")[0]
    with pytest.raises(SettingsError, match=f"^{key} is not taken; .*{told}"):
        load_settings(["primitive=matmul", override])


def in_folder(folder: Path, **experiments: str) -> list[str]:
    """The arguments that find these experiments."""
    (folder / "experiment").mkdir()
    for name, text in experiments.items():
        (folder / "experiment" / f"{name}.yaml").write_text(f"# @package _global_\n{text}\n")
    return [f"--config-dir={folder}"]


def test_parts_are_one_campaign(tmp_path: Path) -> None:
    words = in_folder(
        tmp_path,
        both="claims: true\ntracking: {kind: journal}\nseed: 3\n"
        "parts: [[primitive=matmul, threads=2], [experiment=other, seed=5]]",
        other="defaults: [{override /primitive: conv2d}]\nthreads: 4\ntracking: {uri: elsewhere}",
    )
    one, other = load_settings([*words, "experiment=both", "strategy=polydl"])
    assert [p.name for p in (*one.problems, *other.problems)] == ["matmul", "conv2d"]
    assert (one.threads, one.seed, other.threads, other.seed) == (2, 3, 4, 5)
    for part in (one, other):  # where it runs is said by the whole
        assert part.claims and (part.tracking.kind, part.tracking.uri) == ("journal", None)
        assert [s.label for s in part.strategies] == ["polydl"] and part.resolved["parts"] == []
        assert part.campaign.experiment == "both"
    words.remove(f"--config-dir={tmp_path}")
    both = load_settings([f"--config-dir={tmp_path}", "experiment=both", "threads=1"])
    assert [part.threads for part in both] == [1, 1]  # what the command sets holds in all


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ("[[experiment=a]]", "parts: experiments are parts of each other more than 4 deep"),
        ("[[experiment=nowhere]]", "experiment: unknown option 'nowhere'"),
        ("[[primitive=matmul, thread=2]]", "unknown key 'thread'"),
        ("[[no override]]", "cannot read 'no override'"),
        ("[[], []]", "nothing to measure"),
        ("3", "configuration: "),
    ],
)
def test_mistakes_of_parts_are_one_line(parts: str, told: str, tmp_path: Path) -> None:
    words = in_folder(tmp_path, a=f"parts: {parts}")
    with pytest.raises(SettingsError, match=told) as refusal:
        planned(load_settings([*words, "experiment=a"]), "toy", 2**40, str)
    assert "\n" not in str(refusal.value)
