"""Every file below conf/ composes, and says what it must say."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from compiler.problem.specification import primitive_from
from harness.conf_files import CONF
from harness.measure.budget import PRESETS, MeasureSettings
from harness.methods import method_names
from harness.settings import Settings, load_settings


def options(group: str) -> list[str]:
    """Of files, and of methods that stand in code."""
    return sorted({*(path.stem for path in (CONF / group).glob("*.yaml")), *method_names(group)})


SHAPES = Path(__file__).parents[1] / "harness" / "benchdnn" / "shapes"
(ONNX,) = getattr(find_spec("onnx"), "submodule_search_locations", None) or ("",)
ALEXNET = f"{ONNX}/backend/test/data/light/light_bvlc_alexnet.onnx"
NEEDED = {
    "fixed": ["strategy.fixed.schedule=scalar/order:m+n+k"],
    "benchdnn": [f"workload.batch={SHAPES}"],
    "onnx": [f"workload.model={ALEXNET}"],
}


def needed(name: str) -> list[str]:
    """What an option cannot do without."""
    return NEEDED.get(name, [])


@cache
def of_workload(name: str) -> Settings:
    """Loaded once for all tests."""
    (settings,) = load_settings([f"workload={name}", *needed(name)])
    return settings


@pytest.mark.parametrize(
    "choice",
    [
        f"{group}={name}"
        for group in ("architecture", "strategy", "baseline", "measure", "cluster", "tracking")
        for name in options(group)
    ],
)
def test_every_option_composes(choice: str) -> None:
    _, _, name = choice.partition("=")
    settings = load_settings(["primitive=matmul", choice, *needed(name)])
    assert len(settings) == 1


@pytest.mark.parametrize("name", options("primitive"))
def test_every_primitive_is_one(name: str) -> None:
    (settings,) = load_settings([f"primitive={name}"])
    assert primitive_from(settings.problems[0].spec).name == name


@pytest.mark.parametrize("name", options("workload"))
def test_every_workload_loads_its_primitives(name: str) -> None:
    problems = of_workload(name).problems
    assert problems
    for problem in problems:
        assert problem.workload == name
        assert primitive_from(problem.spec).flops > 0


@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_starts_with_its_command(name: str) -> None:
    """That this plans is a test of commands: tests/docs/test_commands.py."""
    lines = (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()
    told = next(line for line in lines if not line.startswith("# @package"))
    assert told.startswith("# polydl ") and f"experiment={name}" in told


def test_quickstart_is_the_demo() -> None:
    (settings,) = load_settings(["experiment=quickstart"])
    assert [p.name for p in settings.problems] == [
        *(f"resnet50_{number}" for number in ("00", "02", "03", "05", "07", "12", "17", "18")),
        "matmul_512x512x512",
        "matmul_128x2048x4096",
    ]
    assert [s.label for s in settings.strategies] == ["roofline", "top_k"]
    assert [b.label for b in settings.baselines] == ["onednn"]
    assert (settings.threads, settings.cluster.kind) == (1, "local")
    assert all(dict(p.spec["sizes"]).get("n") for p in settings.problems)


def test_resnet50_has_twenty_layers_of_one_image() -> None:
    settings = of_workload("resnet50")
    assert [p.name for p in settings.problems] == [f"resnet50_{i:02}" for i in range(20)]
    sizes = {p.name: dict(primitive_from(p.spec).sizes) for p in settings.problems}
    assert all(s["n"] == 1 for s in sizes.values())
    assert sizes["resnet50_17"] | {"n": 1} == {
        **dict.fromkeys(("ic", "oc"), 512),
        **dict.fromkeys(("ih", "iw"), 7),
        **dict.fromkeys(("kh", "kw"), 3),
        **dict.fromkeys(("n", "stride", "stride_h", "stride_w"), 1),
        **dict.fromkeys(("pad_h", "pad_w", "pad_h_end", "pad_w_end"), 1),
        **dict.fromkeys(("dilation", "dilation_h", "dilation_w"), 1),
    }
    assert {primitive_from(p.spec).extent("oh") for p in settings.problems[:1]} == {112}


LAYERS = {  # convolutions without groups: the 241 of the paper's eleven networks
    "alexnet": 5,
    "fastrcnn": 27,
    "googlenetv1": 49,
    "googlenetv3": 45,
    "maskrcnn": 46,
    "mobilenet": 11,
    "overfeat": 5,
    "resnet50": 20,
    "vgga": 7,
    "xception": 12,
    "yolov2": 14,
}


DEPTHWISE = {"mobilenet": [*range(2, 11)], "xception": [*range(3, 10), 11, 12]}


@pytest.mark.parametrize("name", LAYERS)
def test_every_network_has_its_layers(name: str) -> None:
    """A depthwise convolution has the name of the one that reads it, with _dw."""
    settings = of_workload(name)
    first = 0 if name == "resnet50" else 1
    wanted = [f"{name}_{number:02}" for number in range(first, first + LAYERS[name])]
    by_kind = {
        kind: [p.name for p in settings.problems if p.spec["name"] == kind]
        for kind in ("conv2d", "depthwise_conv2d")
    }
    assert by_kind["conv2d"] == wanted
    beside = [f"{name}_{number:02}_dw" for number in DEPTHWISE.get(name, ())]
    assert by_kind["depthwise_conv2d"] == beside
    assert len(settings.problems) == len(wanted) + len(beside)
    assert all(p.spec["sizes"]["n"] == 1 for p in settings.problems)


def test_depthwise_layers_fit_between_their_neighbours() -> None:
    """What a depthwise convolution gives is what the one behind it reads."""
    for name, numbers in DEPTHWISE.items():
        settings = of_workload(name)
        sizes = {p.name: dict(primitive_from(p.spec).sizes) for p in settings.problems}
        for number in numbers:
            (own,) = (p for p in settings.problems if p.name == f"{name}_{number:02}_dw")
            reader = sizes[f"{name}_{number:02}"]
            assert dict(own.spec["sizes"])["c"] == reader["ic"]
            assert primitive_from(own.spec).extent("oh") == reader["ih"]


NEWER = {"mobilenetv2": 32, "efficientnet_b0": 68, "convnext_tiny": 31, "bert_base": 9}


@pytest.mark.parametrize("name", NEWER)
def test_newer_networks(name: str) -> None:
    """Names sort in the network's order, and no shape comes twice."""
    settings = of_workload(name)
    names = [p.name for p in settings.problems]
    assert len(names) == NEWER[name] and names == sorted(names)
    shapes = {(p.spec["name"], str(sorted(p.spec["sizes"].items()))) for p in settings.problems}
    assert len(shapes) == len(names)


def test_ranking_surveys_unseen_networks_and_the_papers_in_two_passes() -> None:
    unseen, paper = load_settings(["experiment=03_ranking"])
    assert [len(one.problems) for one in (unseen, paper)] == [154, 30]
    assert [s.label for s in unseen.strategies] == ["survey"]
    assert [(s.label, s.options["space"]) for s in paper.strategies] == [
        ("survey", "full"),
        ("survey_paper", "paper"),
    ]
    for settings in (unseen, paper):
        assert all(s.name == "survey" and s.options["k"] == 60 for s in settings.strategies)
        assert settings.baselines == () and settings.threads == 1
        measure = settings.measure
        assert (measure.name, measure.search_passes, measure.search_give_up) == ("quick", 2, 10.0)


def test_the_paper_is_all_of_its_experiments() -> None:
    whole = load_settings(["experiment=paper"])
    assert len(whole) == 11 and all(one.claims for one in whole)
    assert len([p for p in whole[0].problems if p.spec["name"] == "conv2d"]) == 241
    (matmul,) = load_settings(["experiment=02_matmul"])
    assert whole[2].strategies == matmul.strategies


def test_the_papers_cores() -> None:
    found = load_settings(["experiment=paper_28_cores"])
    assert {one.threads for one in found} == {28}
    assert {one.architecture.name for one in found} == {"xeon_8280"}
    assert {one.cluster.kind for one in found} == {"ray"}
    images = {
        p.spec["sizes"]["n"] for one in found for p in one.problems if "ic" in p.spec["sizes"]
    }
    assert images == {28}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_measure_files_are_the_presets(name: str) -> None:
    (settings,) = load_settings([f"measure={name}"])
    written = settings.resolved["measure"]
    assert set(written) == {field.name for field in fields(MeasureSettings)}
    assert settings.measure == PRESETS[name]


def test_the_papers_machine() -> None:
    (settings,) = load_settings(["architecture=xeon_8280"])
    machine = settings.architecture.described()
    l1, l2, l3 = machine.caches
    assert (l1.bytes, l2.bytes, l3.bytes) == (32 << 10, 1 << 20, 39424 << 10)
    assert (l3.shared_by, machine.vector_bytes, machine.sockets, machine.cores) == (28, 64, 2, 56)


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda p: str(p.name))
def test_no_key_is_a_yaml_boolean(path: Path) -> None:
    def keys(node: object) -> list[object]:
        if isinstance(node, dict):
            return [*node, *(k for value in node.values() for k in keys(value))]
        return [k for value in node for k in keys(value)] if isinstance(node, list) else []

    assert all(isinstance(key, str) for key in keys(yaml.safe_load(path.read_text())))
