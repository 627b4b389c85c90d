"""The scalar nest of every operator and of random ones against the reference."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.inputs import integer_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from compiler.space.scalar import scalar_schedule
from tests.compiler.codegen.batch import call, check_cases, start_build
from tests.compiler.codegen.scalar_trees import scalar_tree
from tests.compiler.problem.operators import MAX_POOL, OPERATORS, conv2d, matmul

RANDOM = 16  # nests
MARKS = {"simd reduction(+:sum)", "const int inside0", "parallel for", "max(0, ", "omp simd"}


def _spec(name: str, tensors: dict[str, Any], *statements: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "tensors": tensors, "statements": list(statements), **more}


SIZES = {"sizes": {"i": 5, "j": 4}}
ODD: tuple[dict[str, Any], ...] = (
    # elements that no statement writes hold the neutral value of the first one
    _spec("gaps", {"x": ["i"], "y": ["2*i"]}, "y[2*i] = x[i]", sizes={"i": 5}),
    _spec("gaps_max", {"x": ["i"], "y": ["2*i"]}, "y[2*i] = max(y[2*i], x[i])", sizes={"i": 5}),
    _spec("later", {"x": ["i"], "y": ["i"]}, "y[i] = y[i+1] + x[i]", outside={"y": 2},
          sizes={"i": 5}),
    _spec("dropped", {"x": ["i"], "y": ["i"]}, "y[i+2] = x[i]", sizes={"i": 5}),
    # names that mean something to a C compiler or to the prelude
    _spec("names", {"x": ["STEP", "linux"], "y": ["linux"]}, "y[linux] += x[STEP,linux]",
          sizes={"STEP": 3, "linux": 4}),
    _spec("shadows", {"x": ["t_x", "buffers"], "i": ["buffers"]}, "i[buffers] += x[t_x,buffers]",
          sizes={"t_x": 3, "buffers": 4}),
    _spec("functions", {"x": ["i", "j"], "y": ["i", "j"]},
          "y[i,j] = exp(x[i,j]) + tanh(-x[i,j]) * erf(x[i,j]/2) - sqrt(abs(x[i,j])) + 1e-3",
          **SIZES),
    _spec("minimum", {"x": ["i", "j"], "y": ["i"]}, "y[i] = min(y[i], x[i,j])", **SIZES),
    # values in the file, also where they are stored transposed
    _spec("fixed", {"x": ["i"], "w": ["i", "j"], "y": ["j"]}, "y[j] += 2 * x[i] * w[i,j]",
          values={"w": [[1, 2, 3], [0.5, 0, -1]]}, stored={"w": [1, 0]}, sizes={"i": 2, "j": 3}),
    _spec("far", {"x": ["i"], "y": ["i"]}, "y[i] = min(x[i-1], 1e300)", outside={"x": "-inf"},
          sizes={"i": 4}),
)  # fmt: skip


def test_every_operator(tmp_path: Path) -> None:
    specs = [*OPERATORS.values(), conv2d(n=2, stride=2), matmul(), *ODD]
    cases = []
    for spec in specs:
        primitive = primitive_from(spec)
        cases.append((primitive, scalar_schedule(loop_nest(primitive).nest)))
    transposed = primitive_from({**matmul(), "stored": {"a": [1, 0], "b": [1, 0]}})
    cases.append((transposed, scalar_schedule(loop_nest(transposed).nest)))
    check_cases(cases, tmp_path, "scalar", parts=1)


def test_orders_layouts_and_threads(tmp_path: Path) -> None:
    conv = primitive_from(conv2d(ic=3, oc=5))
    texts = (
        "scalar/order:kw+ic+kh+ow+oh+oc",
        "scalar/order:oc+oh+ow+ic+kh+kw/parallel:oc+ow",
        "scalar/order:oh+oc+ow+ic+kh+kw/parallel:oc/layout:data.aBcd4b+out.acdb+weight.ABcd2b4a",
    )
    check_cases([(conv, parse_schedule(text)) for text in texts], tmp_path, "orders", parts=1)


def test_tiles(tmp_path: Path) -> None:
    conv = primitive_from(conv2d(ic=3, oc=5))
    texts = (
        "scalar/order:oc@1+ow@2+oh+ow@1+ic@1+ow+oc+ic+kh+kw/block:oc@1.2+ow@2.4+ow@1.2+ic@1.2",
        "scalar/order:oc@1+oh@1+kh@1+oh+ow+ic+kh+kw+oc/block:oc@1.5+oh@1.2+kh@1.1/parallel:oh@1",
    )
    check_cases([(conv, parse_schedule(text)) for text in texts], tmp_path, "tiles", parts=1)
    kernel = generate(fitted(loop_nest(conv).nest, parse_schedule(texts[0])))
    assert "for (long i_oc = tile1_oc; i_oc < min(tile1_oc + 2, 5); ++i_oc)" in kernel.text
    assert "for (long tile1_ow = tile2_ow; tile1_ow < min(tile2_ow + 4, 7)" in kernel.text


def test_random_nests_are_exact(tmp_path: Path) -> None:
    """Bounds, flags, registers and vectors: with small integers every order of a sum is one."""
    random = Random(20261125)
    cases = [scalar_tree(random)[:2] for _ in range(RANDOM)]
    cases += [(p, lowered(tree.nest, scalar_schedule(tree.nest, 2))) for p, tree in cases[:6]]
    kernels = [generate(tree) for _, tree in cases]
    assert all(any(mark in kernel.text for kernel in kernels) for mark in MARKS)
    library = start_build(kernels, tmp_path, "random").library()
    for index, ((primitive, _), kernel) in enumerate(zip(cases, kernels, strict=True)):
        drawn = integer_inputs(primitive, 3, index, 0, frozenset())
        inputs = {name: values.astype(np.float32) for name, values in drawn.items()}
        wanted = reference(primitive, inputs)
        for name, found in call(library, index, kernel, inputs).items():
            what = f"{name} of {primitive.statements} {kernel.text}"
            assert np.array_equal(found, wanted[name].reshape(found.shape)), what


def _text(spec: dict[str, Any], schedule: str) -> str:
    return generate(fitted(loop_nest(primitive_from(spec)).nest, parse_schedule(schedule))).text


def test_neutral_padding_bounds_the_innermost_loop_that_it_names() -> None:
    text = _text(MAX_POOL, "scalar/order:c+oh+ow+kh+kw")
    assert "i_kh = max(0, -2*i_oh + 1); i_kh < min(3, -2*i_oh + 8); ++i_kh" in text
    assert "?" not in text.partition("polydl_kernel")[2]
    text = _text(MAX_POOL, "scalar/order:c+kh+kw+oh+ow")
    assert "i_oh = max(0, ceild(-i_kh + 1, 2)); i_oh < min(4, floord(-i_kh + 7, 2) + 1)" in text


def test_other_padding_is_asked_about_outside_of_the_loops_that_it_does_not_name() -> None:
    spec = {**MAX_POOL, "outside": {"data": 0}}
    lines = [line.strip() for line in _text(spec, "scalar/order:c+oh+kh+ow+kw").splitlines()]
    (flag,) = (i for i, line in enumerate(lines) if line.startswith("const int inside0 = i_kh"))
    assert lines[flag - 1].startswith("for (long i_kh = 0;")
    assert any("(inside0 && i_kw + 2*i_ow - 1 >= 0 && i_kw" in line for line in lines)


def test_a_sum_innermost_is_kept_in_a_register() -> None:
    text = _text(matmul(k=20), "scalar/order:m+n+k")
    assert "      float sum = 0.0f;\n" in text
    assert "+= sum;" in text
    assert "float sum" not in _text(matmul(k=20), "scalar/order:m+k+n")
    own = _spec("own", {"x": ["j"], "y": ["j"]}, "y[0] += x[j] * y[j]", sizes={"j": 20})
    assert "float sum" not in _text(own, "scalar/order:j")  # what is read may be what is summed


@pytest.mark.parametrize(
    ("statement", "vectors"),
    [
        ("y[i,j] = x[i,j] + 1", "simd"),
        ("y[i,j] = y[i-1,j] + x[i,j]", "simd"),
        ("y[i,j] = y[i,j-1] + x[i,j]", ""),  # carried by the loop
        ("y[i,j] = exp(x[i,j])", ""),  # a call
        ("y[j,i] = x[i,j]", ""),  # neighbours are no neighbours
        ("y[i,0] += x[i,j]", "simd reduction(+:sum)"),
        ("y[i,0] = max(y[i,0], x[i,j])", "simd reduction(max:most)"),
        ("y[i,0] += x[j,i]", ""),
    ],
)
def test_which_innermost_loops_run_in_vectors(statement: str, vectors: str) -> None:
    shape = {"x": ["i", "j"], "y": ["i", "j"]}
    spec = _spec("small", shape, statement, sizes={"i": 20, "j": 20}, outside={"y": 0})
    tree = fitted(primitive_from(spec), parse_schedule("scalar/order:i+j"))
    lines = generate(tree).text.splitlines()
    (inner,) = (place for place, line in enumerate(lines) if "for (long i_j" in line)
    before = lines[inner - 1].strip()
    assert (before.removeprefix("#pragma omp ") if "omp" in before else "") == vectors


def test_only_the_outermost_parallel_loop_starts_threads() -> None:
    nest = loop_nest(primitive_from(conv2d())).nest
    kernel = generate(fitted(nest, parse_schedule("scalar/order:oc+oh+ow+ic+kh+kw/parallel:oh+ow")))
    lines = kernel.text.splitlines()
    pragmas = [i for i, line in enumerate(lines) if "#pragma omp" in line]
    assert kernel.openmp
    assert ["i_oh" in lines[i + 1] for i in pragmas] == [False, True]
    assert "t_out[i] = 0.0f" in lines[pragmas[0] + 1]
    assert lines[pragmas[1]].endswith("for collapse(2)")


def test_only_a_rectangle_of_loops_is_collapsed() -> None:
    nest = loop_nest(primitive_from(conv2d())).nest
    text = "scalar/order:oc@1+oc+oh+ow+ic+kh+kw/block:oc@1.2/parallel:oc@1+oc+oh"
    kernel = generate(fitted(nest, parse_schedule(text)))
    assert "collapse" not in kernel.text  # how far oc runs depends on oc@1


@pytest.mark.parametrize(
    "field", ["tile:ow.2", "vector:oc.4", "pack:data.abcd", "unroll:4",
              "prefetch:64", "nontemporal:1"]
)  # fmt: skip
def test_other_fields_are_refused_not_ignored(field: str) -> None:
    nest = loop_nest(primitive_from(conv2d())).nest
    schedule = parse_schedule(f"scalar/order:oc+oh+ow+ic+kh+kw/{field}")
    taken = "order, block, parallel, private, layout, keep and fusion at levels"
    told = f"scheme scalar takes {taken} only"
    with pytest.raises(ScheduleError, match=told):
        generate(fitted(nest, schedule))
