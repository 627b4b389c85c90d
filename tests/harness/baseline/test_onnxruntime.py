"""ONNX Runtime: graphs of chains, how tensors are bound to them, and what its records say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Missing, Prepared
from harness.baseline.builders import baseline_named
from harness.baseline.onnxruntime.arrangement import Arrangement, transposition
from harness.baseline.recognition.views import Unrecognised
from harness.kernel.load import Executable, LoadError, load
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from tests.compiler.problem.operators import shipped

HEADS = {"heads": 3, "m": 5, "n": 7, "k": 4, "v": 4}
CASES = {
    "attention": shipped("attention", **HEADS),
    "attention, as the caller has it": shipped("attention", **HEADS)
    | {"plain": ["queries", "keys", "values", "out"]},
    "attention, one head": shipped("attention", **HEADS | {"heads": 1}),
    "scores of plain keys": shipped("attention_scores", batch=2, m=3, n=5, k=4),
    "pool of a whole image": shipped("global_avg_pool2d", n=2, c=5, ih=3, iw=4),
    "rows that no output reads": shipped("max_pool2d", c=3, ih=8, iw=9, pad_h=0, pad_w=0),
    "grouped": shipped("grouped_conv2d", n=1, g=2, ic=3, oc=2, ih=5, iw=6),
    "depthwise, strided": shipped("depthwise_conv2d", c=5, ih=7, iw=6, stride=2),
    "leaky": shipped("eltwise_relu", m=3, n=4)
    | {"statements": ["y[m,n] = max(x[m,n], 0.25*x[m,n])"]},
    "hard swish": shipped("eltwise_hardswish", m=3, n=4),
    "swish": shipped("eltwise_swish", m=3, n=4),
}


@contextmanager
def loaded(problem: Primitive, toolchain: Toolchain) -> Iterator[Executable]:
    """The executable as it travels, in this process."""
    prepared = baseline_named("onnxruntime", {}, toolchain).prepare(problem, 1)
    assert isinstance(prepared, Prepared), prepared
    executable = load(json.loads(json.dumps(prepared.executable)))
    yield executable
    executable.close()


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_statements(case: str, toolchain: Toolchain) -> None:
    problem = primitive_from(CASES[case])
    random = np.random.default_rng(0)
    inputs = {
        t.name: random.uniform(-2, 2, t.shape).astype(np.float32)
        for t in problem.tensors
        if t.role == "input" and t.values is None
    }
    ((name, expected),) = reference(problem, inputs).items()
    with loaded(problem, toolchain) as executable:
        for _ in range(2):  # a second call must not depend on the first
            executable.bind(Inputs(inputs), "end", np.zeros(1))
            executable.run()
        found = executable.fetch(name, problem.tensor(name).shape)
        told = executable.describe()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    layouts = told["layouts"]
    assert isinstance(layouts, dict)
    for tensor, tag in layouts.items():
        assert sorted(tag) == [chr(ord("a") + d) for d in range(len(problem.tensor(tensor).shape))]
    assert str(told["call_overhead"]).endswith(" us a call")


def test_attention_is_tried_as_one_operator_too(toolchain: Toolchain) -> None:
    with loaded(primitive_from(CASES["attention"]), toolchain) as executable:
        told = executable.describe()
    forms = f"{told['form']}; {told['other_forms']}"
    assert "operator by operator" in forms
    assert {f"keys of {n} dimensions" for n in (3, 4) if f"keys of {n} dimensions" in forms}


def test_what_the_caller_fixes_is_turned_inside(toolchain: Toolchain) -> None:
    with loaded(primitive_from(CASES["attention, as the caller has it"]), toolchain) as executable:
        layouts = executable.describe()["layouts"]
    assert layouts == dict.fromkeys(("queries", "keys", "values", "out"), "abc")


def test_a_wrong_call_is_refused(toolchain: Toolchain) -> None:
    with loaded(primitive_from(CASES["leaky"]), toolchain) as executable:
        with pytest.raises(LoadError, match="no inputs have been bound"):
            executable.run()
        with pytest.raises(LoadError, match="no values for its input 'x'"):
            executable.bind(Inputs({}), "end", np.zeros(1))


def test_a_missing_wheel_names_the_command(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    answer = baseline_named("onnxruntime", {}, toolchain).available()
    assert isinstance(answer, Missing)
    assert answer.reason == "onnxruntime is not installed"
    assert answer.command.endswith(" onnxruntime onnx")


def test_turning_one_dense_array_into_another() -> None:
    there = ((2, 12), (3, 4), (4, 1))
    assert transposition(there, ((2, 12), (12, 1))) is None
    assert transposition(there, ((1, 99), (3, 4), (2, 12), (4, 1))) == ((2, 3, 4), (1, 0, 2))
    with pytest.raises(Unrecognised, match="a part of what another one writes"):
        transposition(there, ((2, 12), (3, 4), (2, 1)))


def test_a_tensor_in_another_order() -> None:
    turned = Arrangement("input0", "x", 6, (3, 2), (1, 3), 0, (3, 2), False)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    packed = turned.packed(values)
    np.testing.assert_array_equal(packed, values.T)
    back = np.zeros((2, 3), np.float32)
    turned.unpack(packed, back)
    np.testing.assert_array_equal(back, values)
    assert turned.letters((2, 3)) == "ba"
    assert turned.letters((2, 1, 3)) == "cba"
