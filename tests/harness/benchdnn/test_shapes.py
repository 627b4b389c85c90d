"""Fifty problems in benchdnn's format: what our primitives make of them is what oneDNN takes."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.baseline.recognition.products import MatrixProduct, recognise
from harness.baseline.repetition import benchdnn_arguments
from harness.benchdnn.batch import words
from harness.benchdnn.descriptor import problem_of
from harness.benchdnn.entries import primitive_of
from harness.benchdnn.problem import Convolution, Product
from harness.conf_files import CONF
from harness.kernel.toolchain import Toolchain
from harness.settings import load_settings
from harness.settings.values import ProblemChoice
from tests.harness.benchdnn.onednn_library import takes

Shapes = list[tuple[str, ProblemChoice]]
SHAPES = Path(__file__).with_name("shapes")

# The output's dimensions, worked out by hand.
OUTPUTS = {
    "square__no_padding": (2, 4, 3, 3),
    "padding_from_the_output": (2, 4, 5, 5),
    "output_from_the_padding": (2, 4, 5, 5),
    "rectangle": (1, 4, 7, 5),
    "line": (1, 4, 9),
    "cube": (1, 3, 4, 4, 4),
    "conv_7": (2, 4, 5, 5),
    "underscores": (3, 16, 10, 10),
    "any_order": (1, 4, 5, 5),
    "the_last_kh_counts": (1, 16, 22, 22),
    "defaults_written_out": (1, 4, 4, 4),
    "zero_is_not_given": (1, 4, 6, 6),
    "one_row_more_before_than_behind": (1, 4, 4, 4),
    "behind_alone": (1, 4, 4, 4),
    "asymmetric__each_its_own": (1, 4, 4, 4),
    "more_behind_than_before": (1, 4, 9, 9),
    "more_than_the_kernel": (1, 4, 8, 8),
    "odd_padding_from_the_output": (1, 4, 5, 5),
    "division_towards_zero": (1, 4, 1, 1),
    "rows_that_nothing_reads": (1, 4, 4, 4),
    "one_row_unread": (1, 4, 4, 4),
    "depth_padded_alone": (1, 16, 1, 1, 1),
    "strides_of_their_own": (1, 4, 5, 4),
    "dilation_1_is_every_other": (1, 4, 9, 9),
    "dilated_in_one": (1, 4, 7, 12),
    "dilated_and_strided": (1, 4, 5, 5),
    "line_dilated_and_strided": (1, 4, 8),
    "padding_of_one_from_the_output": (1, 16, 2, 2, 1),
    "dilated_point": (1, 4, 6, 6),
    "all_at_once": (1, 4, 5, 5),
    "one_group": (1, 4, 6, 6),
    "conv_2d_grouped": (1, 8, 6, 6),
    "conv_1d_grouped": (1, 4, 9),
    "conv_3d_grouped": (1, 2, 4, 4, 4),
    "conv_2d_depthwise": (1, 8, 4, 4),
    "conv_1d_depthwise": (1, 8, 9),
    "conv_3d_depthwise": (1, 8, 4, 5, 6),
    "depthwise_with_a_multiplier": (1, 8, 6, 6),
    "conv_2d_depthwise_3": (2, 17, 4, 4),
    "sizes_of_their_own": (1, 3, 5, 6, 7),
    "cube_from_the_output": (1, 3, 3, 3, 3),
    "depth_strided_and_dilated": (1, 3, 2, 4, 4),
    "line_2": (1, 4, 7, 7),
    "conv_no": (1, 5, 7, 7),
    "a_name_of_more_than_sixty_four_characters_is_cut_where_it_gets_t": (1, 6, 7, 7),
    "batch_from_the_option": (5, 4, 3, 3),
    "matmul_47": (8, 20),
    "a_row": (1, 200),
    "batch": (3, 4, 6),
    "one_weight": (24, 6),
}


def output_of(primitive: Primitive) -> tuple[int, ...]:
    """Groups and channels are one dimension, as in oneDNN."""
    operator = recognise(primitive)
    return operator.c.dims if isinstance(operator, MatrixProduct) else operator.out.dims


def descriptor_of(primitive: Primitive, name: str) -> str:
    """The last of the arguments that a record carries."""
    arguments = benchdnn_arguments(primitive, name)
    assert arguments is not None, name
    return arguments.split()[-1]


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    """Each descriptor of the file with the problem that it became."""
    (settings,) = load_settings(["workload=benchdnn", f"workload.batch={SHAPES}"])
    descriptors = [word for _, word in words(SHAPES.read_text()) if not word.startswith("-")]
    return list(zip(descriptors, settings.problems, strict=True))


def test_every_output_is_what_onednn_takes(shapes: Shapes, toolchain: Toolchain) -> None:
    assert [choice.name for _, choice in shapes] == list(OUTPUTS) and len(shapes) == 50
    for descriptor, choice in shapes:
        name, primitive = choice.name, primitive_from(choice.spec)
        output = output_of(primitive)
        assert output == OUTPUTS[name], name
        problem = problem_of(descriptor, mb=output[0] if len(output) > 2 else 0)
        if isinstance(problem, Product):
            assert prod(output) == prod(problem.c)
            output = problem.c
        assert takes(toolchain, problem, output), name
        for d in range(0 if isinstance(problem, Product) else 2, len(output)):
            for other in (output[d] - 1, output[d] + 1):
                wrong = (*output[:d], other, *output[d + 1 :])
                assert other < 1 or not takes(toolchain, problem, wrong), (name, wrong)


def test_what_records_carry_is_the_problem(shapes: Shapes) -> None:
    for descriptor, choice in shapes:
        again = problem_of(descriptor_of(primitive_from(choice.spec), choice.name))
        problem = replace(problem_of(descriptor), name=choice.name)
        check_same(again, choice)
        if isinstance(again, Convolution) and isinstance(problem, Convolution):
            assert again == replace(problem, mb=again.mb)


def test_every_workload_makes_the_round_trip() -> None:
    """The files are read as they are: composing them all takes seconds.

    A descriptor says nothing of what follows a convolution or a product.
    """
    specs = {path.stem: loaded(path) for path in (CONF / "primitive").glob("*.yaml")}
    listed = [loaded(path)["workload"]["entries"] for path in (CONF / "workload").glob("*.yaml")]
    entries = [entry for by_name in listed for several in by_name.values() for entry in several]
    assert len(entries) > 200
    for entry in entries:
        spec = specs[entry["primitive"]]
        spec = {**spec, "sizes": {**spec["sizes"], **entry["sizes"]}}
        choice = ProblemChoice(entry["name"], spec)
        told = benchdnn_arguments(primitive_from(spec), choice.name)
        product = told is not None and told.startswith(("--conv", "--matmul"))
        if told is None or not product or len(spec["statements"]) > 1:
            plain = "conv" in spec["name"] or "matmul" in spec["name"]
            assert not plain or len(spec["statements"]) > 1
            continue
        if "--wtag=acb" in told:  # keys that lie transposed
            assert spec["name"] == "attention_scores"
            continue
        check_same(problem_of(descriptor_of(primitive_from(spec), choice.name)), choice)


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text(), yaml.CSafeLoader)
    return content


def check_same(again: Convolution | Product, choice: ProblemChoice) -> None:
    kind, sizes = primitive_of(again)
    assert (again.name, kind) == (choice.name, choice.spec["name"])
    assert choice.spec["sizes"] | sizes == choice.spec["sizes"], choice.name
