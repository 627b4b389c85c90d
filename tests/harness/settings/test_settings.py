from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from compiler.problem.architecture import Architecture, CacheLevel
from harness.errors import SettingsError
from harness.record.changes import changed_values
from harness.settings import Settings, as_recorded, cache_folder, load_settings, recorded_problems


def loaded(line: str) -> Settings:
    (settings,) = load_settings(line.split())
    return settings


def refused(line: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(line.split())
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_sizes_of_one_primitive() -> None:
    (problem,) = loaded("primitive=conv2d primitive.sizes.ic=17 primitive.sizes={oc:5}").problems
    assert problem.name == "conv2d"
    assert (problem.spec["sizes"]["ic"], problem.spec["sizes"]["oc"]) == (17, 5)


def test_sizes_come_from_primitive_then_entry_then_workload() -> None:
    (problem,) = loaded("workload=resnet50 workload.select=[resnet50_03]").problems
    sizes = problem.spec["sizes"]
    assert (sizes["n"], sizes["ih"], sizes["dilation"]) == (1, 56, 1)
    (other,) = loaded("workload=resnet50 workload.select=resnet50_03 workload.sizes.n=28").problems
    assert other.spec["sizes"] == {**sizes, "n": 28}


def test_several_workloads_with_one_primitive() -> None:
    problems = loaded("workload=[quickstart,resnet50,gemms]").problems
    assert len(problems) == 10 + 20 + 10


def test_contenders_with_labels() -> None:
    settings = loaded(
        "strategy=[roofline,top_k] strategy.top_k.k=5 strategy.top_k.label=top5 baseline=[]"
    )
    assert [(m.name, m.label) for m in settings.strategies] == [
        ("roofline", "roofline"),
        ("top_k", "top5"),
    ]
    assert settings.strategies[1].options == {
        "ranker": "roofline",
        "k": 5,
        "per_tile": 4,
        "space": "full",
        "fuse": True,
        "microkernel": "generated",
    }
    assert settings.baselines == ()


def test_strategies_by_ranking_and_space() -> None:
    settings = loaded(
        "strategy=[roofline,polydl,polydl_tree,tournament,survey] strategy.polydl.space=paper"
    )
    first = {"fuse": True, "attach": True, "private": True, "microkernel": "generated"}
    assert {m.name: m.options for m in settings.strategies} == {
        "roofline": {**first, "space": "full"},
        "polydl": {**first, "space": "paper"},
        "polydl_tree": {**first, "space": "full"},
        "tournament": {"space": "full", "fuse": True, "microkernel": "generated", "model": None},
        "survey": {
            "k": 200,
            "best": 10,
            "rankings": ["roofline", "polydl", "polydl_tree"],
            "space": "full",
            "fuse": True,
            "microkernel": "generated",
            "again": 10,
        },
    }


def test_an_experiment_can_be_changed() -> None:
    settings = loaded("experiment=quickstart strategy=roofline baseline=[] cluster=serial")
    assert [m.name for m in settings.strategies] == ["roofline"]
    assert (settings.baselines, settings.cluster.kind) == ((), "serial")
    assert settings.campaign.experiment == "quickstart"


def test_a_problem_of_ones_own_in_an_experiment() -> None:
    (problem,) = loaded("experiment=quickstart primitive=matmul workload=null").problems
    assert (problem.name, problem.workload) == ("matmul", None)
    assert not loaded("primitive=null workload=null experiment=null").problems


def test_a_described_machine_with_another_cache() -> None:
    choice = loaded("architecture=xeon_8280 architecture.caches.L3.bytes=1441792").architecture
    assert [level.bytes for level in choice.described().caches] == [32768, 1048576, 1441792]
    fewer = loaded("architecture=xeon_8280 ~architecture.caches.L3").architecture.described()
    assert [level.name for level in fewer.caches] == ["L1", "L2"]


def test_the_host_with_another_cache() -> None:
    host = Architecture("host", "x86_64", 32, 16, caches=(CacheLevel("L1", 32768),))
    choice = loaded(
        "architecture.caches.L1.bytes=49152 architecture.caches.L2.bytes=1000"
    ).architecture
    assert [(c.name, c.bytes) for c in choice.applied_to(host).caches] == [
        ("L1", 49152),
        ("L2", 1000),
    ]
    assert loaded("").architecture.applied_to(host) == host


def test_a_folder_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - /primitive@primitives.matmul: matmul\n"
        "workload:\n  entries:\n    mine:\n"
        "      - {name: tall, primitive: matmul, sizes: {m: 100}}\n"
    )
    settings = loaded(f"--config-dir {tmp_path} workload=[mine,gemms] workload.select=[tall]")
    (problem,) = settings.problems
    assert problem.spec["sizes"] == {"m": 100, "n": 512, "k": 512}
    assert "nearest: mine" in refused(f"workload=min --config-dir {tmp_path}")


def test_sweeps_give_one_settings_each() -> None:
    several = load_settings(["-m", "primitive=matmul", "threads=1,2", "strategy=roofline,top_k"])
    assert [(s.threads, s.strategies[0].name) for s in several] == [
        (1, "roofline"),
        (1, "top_k"),
        (2, "roofline"),
        (2, "top_k"),
    ]


KNOWN = [
    ("primitive=conv9", "avg_pool2d, avg_pool2d_exclude_padding"),
    ("strategy=magic", "fixed, polydl, polydl_generated, polydl_libxsmm, polydl_tournament, "),
    ("strategy=[roofline,magic]", "'magic'; known: apart, fixed, polydl"),
    ("baseline=[mkl9]", "known: autotvm, "),
    ("workload=lenet", "known: alexnet, attention, benchdnn, "),
    ("workload=[gemms,lenet]", "'lenet'; nearest: alexnet, "),
    ("workload=gemms workload.select=[gemm_99]", "'gemm_99'; nearest: gemm_09"),
    ("architecture=abacus", "host, xeon_8280"),
    ("cluster=slurm", "local, ray, serial"),
    ("measure=sloppy", "careful, quick"),
    ("experiment=none", "quickstart"),
    ("thread=2", "unknown key 'thread'; nearest: threads; known: architecture"),
    ("+thread=2", "unknown key 'thread'"),
    ("strategy=top_k strategy.top_k.q=2", "unknown key 'q' of strategy.top_k; known: label"),
    ("strategy.top_k.k=2", "strategy 'top_k' is not among the chosen ones: roofline"),
    ("primitive=conv2d primitive.sizes.id=3", "unknown key 'id' of primitive.sizes; known: n, ic"),
    ("workload=gemms workload.sizes.ic=3", "no size 'ic'; known: m, n, k"),
    ("architecture.caches.L9.bytes=1", "unknown key 'L9' of architecture.caches; known: L1"),
    (
        "strategy=top_k strategy.top_k.ranker=oracle",
        "ranker must be one of roofline, polydl, polydl_tree, polydl_tournament, tournament, got "
        "oracle",
    ),
    ("strategy.roofline.space=half", "space must be one of full, paper, got half"),
    (
        "strategy=survey strategy.survey.rankings=[oracle]",
        "rankings must be one of roofline, polydl",
    ),
    ("format=xml", "expected one of [text, json, html, c]"),
    ("campaign.folder=x", "known: name, dir, resume, accept_changes, dry_run"),
]


@pytest.mark.parametrize(("line", "told"), KNOWN, ids=[line for line, _ in KNOWN])
def test_unknown_names_list_the_known(line: str, told: str) -> None:
    assert told in refused(line)


WRONG = [
    ("threads=two", "threads: Value 'two'"),
    ("threads=0", "threads must be >= 1, got 0"),
    ("threads.x=1", "threads is a value"),
    ("seed=-1", "seed must be >= 0"),
    ("primitive=[conv2d,matmul]", "primitive takes one option"),
    ("primitive.sizes.ic=3", "name the primitive first"),
    ("workload=gemms primitive.sizes.n=3", "use workload.sizes.n"),
    ("workload=gemms primitive=matmul", "cannot be set together"),
    ("primitive=matmul workload.sizes.n=4", "need a workload"),
    ("workload.select=[a]", "need"),
    ("workload=gemms workload.sizes.n=1.5", "workload.sizes.n: Value '1.5'"),
    ("strategy=top_k strategy.top_k.k=0", "strategy.top_k.k must be >= 1, got 0"),
    ("strategy=survey strategy.survey.best=-1", "strategy.survey.best must be >= 0, got -1"),
    ("strategy=survey strategy.survey.rankings=[]", "strategy.survey: rankings must name one"),
    ("strategy=survey strategy.survey.rankings=[polydl,polydl]", "none twice, got ['polydl'"),
    ("strategy=fixed", "exactly one of"),
    ("strategy=fixed strategy.fixed.from=[a]", "strategy.fixed.from: Cannot convert 'list'"),
    ("strategy=fixed strategy.fixed.from=a:b strategy.fixed.schedule=c", "exactly one of"),
    ("strategy.roofline.label=onednn", "used by both roofline and onednn"),
    ("strategy.roofline.label=a-b", "no identifier"),
    ("architecture=xeon_8280 architecture.caches.L2.bytes=0", "must be >= 1, got 0"),
    ("architecture=xeon_8280 architecture.vector_bytes=24", "vector_bytes must be 4, 16, 32 or 64"),
    ("architecture=xeon_8280 architecture.isa=null", "not set: isa"),
    ("threads=${oc.env:HOME}", "could not be converted to Integer"),
    ("threads=${oc.env:HOME} threads.x=5", "threads.x: While dereferencing interpolation"),
    ("primitive=matmul ~primitive.stored.x.y", "~primitive.stored.x.y: there is no such key"),
    ("primitive=matmul primitive.statements.x=5", "primitive.statements.x: invalid literal"),
    (
        "primitive=matmul primitive.statements.9=5",
        "primitive.statements.9: list index out of range",
    ),
    ("primitive=matmul primitive.tensors.a.b.c=5", "Index 'b' (str) is not an int"),
]


@pytest.mark.parametrize(("line", "told"), WRONG, ids=[line for line, _ in WRONG])
def test_wrong_values_are_one_line(line: str, told: str) -> None:
    assert told in refused(line)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{name: a, primitive: matmul, size: {}}", "unknown key 'size'"),
        ("{primitive: matmul}", "no name is given"),
        ("{name: 3x, primitive: matmul}", "no identifier"),
        ("{name: on, primitive: matmul}", "booleans"),
        ("{name: a, primitive: conv2d}", "unknown primitive 'conv2d'; known: matmul"),
        ("{name: a, primitive: matmul, sizes: {q: 1}}", "no size 'q'"),
    ],
)
def test_mistakes_in_a_workloads_file(tmp_path: Path, entry: str, told: str) -> None:
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - /primitive@primitives.matmul: matmul\n"
        f"workload:\n  entries:\n    mine:\n      - {entry}\n"
    )
    assert told in refused(f"--config-dir {tmp_path} workload=mine")


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "workload").mkdir()
    (tmp_path / "workload" / "mine.yaml").write_text("a: [1\nb: 2\n")
    assert "mine.yaml: line 2" in refused(f"--config-dir {tmp_path} workload=mine")


@pytest.mark.parametrize(
    ("chosen", "home", "expected"),
    [
        ("/a/b", "/home/me", "/a/b/polydl"),
        ("~/c", "/home/me", "/home/me/c/polydl"),
        ("", "/home/me", "/home/me/.cache/polydl"),
        ("d", "/home/me", "HERE/d/polydl"),
        ("", "nowhere", "HERE/polydl-UID/cache"),
    ],
)
def test_where_the_cache_lies(
    chosen: str, home: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that is no absolute path is none: a private folder among the temporary files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    monkeypatch.setenv("HOME", home)
    told = expected.replace("HERE", str(tmp_path)).replace("UID", str(os.geteuid()))
    assert str(cache_folder()) == told
    for made in tmp_path.iterdir():
        assert made.stat().st_mode & 0o077 == 0


def test_a_cache_of_a_user_who_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "~nobody-of-this-name/c")
    with pytest.raises(SettingsError, match="cannot read ~nobody-of-this-name"):
        cache_folder()


def test_what_earlier_versions_recorded_has_the_defaults_of_later_keys() -> None:
    (settings,) = load_settings(["workload=gemms", "workload.select=[gemm_09]"])
    later = ("model", "dimensions", "network", "install", "numerics", "claims", "parts")
    document = {
        key: {n: v for n, v in held.items() if n not in later} if isinstance(held, dict) else held
        for key, held in settings.resolved.items()
        if key not in later
    }
    assert recorded_problems(document) == settings.problems
    (again,) = as_recorded(["campaign.resume=one"], [document])
    assert again.problems == settings.problems and again.cluster.install is None
    assert changed_values([document], [again.resolved]) == ()
