"""The untransformed nest of every operator against the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler.codegen.generate import generate
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from compiler.space.scalar import scalar_schedule
from tests.compiler.codegen.batch import check_cases
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul


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
    told = "scheme scalar takes order, block, parallel and layout only"
    with pytest.raises(ScheduleError, match=told):
        generate(fitted(nest, schedule))
