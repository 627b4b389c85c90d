"""A graph in ONNX Runtime inside the measuring child: bound to memory of ours, called through C.

What the timer calls is a function of C that enters Python again; with ONNX Runtime's own way into a
graph that takes some microseconds a call, which are measured on a graph that does nothing and told.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from compiler.problem.dtypes import F32
from compiler.schedule.layout import Array
from harness.baseline.onnxruntime.arrangement import Arrangement
from harness.kernel.load import ExecutableSpec, LoadError
from harness.kernel.memory import MappedBuffer, Placement
from harness.kernel.problem_data import Inputs

Levels = onnxruntime.GraphOptimizationLevel
LEVELS = {"all": Levels.ORT_ENABLE_ALL, "extended": Levels.ORT_ENABLE_EXTENDED}
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
CALLS = 6  # of a graph, to tell which is the fastest
EMPTY_CALLS = 2000
QUIET = 3  # ONNX Runtime's severity: errors alone


@dataclass(frozen=True)
class _Form:
    """One graph at one level of optimisation."""

    name: str
    model: onnx.ModelProto
    inputs: tuple[Arrangement, ...]
    output: Arrangement
    layouts: Mapping[str, str]
    level: str


class _Bound:
    """A session of a form on some inputs, with memory for what is not constant."""

    def __init__(
        self,
        form: _Form,
        values: Callable[[Arrangement], Array],
        threads: int,
        placement: Placement,
        profile: Path | None = None,
    ) -> None:
        model = onnx.ModelProto()
        model.CopyFrom(form.model)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = LEVELS[form.level]
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(profile / "profile")
            options.optimized_model_filepath = str(profile / "optimised.onnx")
        self.memory: dict[str, MappedBuffer] = {}
        for one in form.inputs:
            if one.constant:
                model.graph.initializer.append(numpy_helper.from_array(values(one), one.name))
        constant = {one.name for one in form.inputs if one.constant}
        left = [info for info in model.graph.input if info.name not in constant]
        del model.graph.input[:]
        model.graph.input.extend(left)
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.io = self.session.io_binding()
        varying = [one for one in form.inputs if not one.constant]
        for index, one in enumerate((*varying, form.output)):
            elements = int(np.prod(one.shape))
            held = MappedBuffer(elements, F32, placement, index)
            if one is form.output:
                held.values[:] = np.nan
                bind = self.io.bind_output
            else:
                held.values[:] = values(one).reshape(-1)
                bind = self.io.bind_input
            bind(one.name, "cpu", 0, np.float32, list(one.shape), held.address)
            self.memory[one.name] = held

    def run(self) -> None:
        self.session.run_with_iobinding(self.io)

    def seconds(self) -> float:
        """Of the fastest of a few calls, after one to warm up."""
        self.run()
        return min(_seconds(self.run) for _ in range(CALLS))


class OnnxRuntime:
    """The fastest of a few forms; answers harness.kernel.load.Executable."""

    kind = 1
    library = True
    outputs: tuple[str, ...] = ()

    def __init__(self, spec: ExecutableSpec) -> None:
        self.numerics: str | None = spec.get("numerics")
        self._threads = int(spec["threads"])
        self._inputs: Inputs | None = None
        tried: list[tuple[float, _Form]] = []
        refusal = "no form of it"
        for form in _forms(spec["graphs"]):
            try:
                ones = _Bound(form, _ones, self._threads, "timing")
                tried.append((ones.seconds(), form))
            except Exception as error:  # of ONNX Runtime's own kinds: no kernel, a wrong shape
                refusal = " ".join(str(error).split())[:200]
            gc.collect()
        if not tried:
            raise LoadError(f"ONNX Runtime refuses the graph: {refusal}")
        tried.sort(key=lambda one: one[0])
        self._form = tried[0][1]
        self._facts = self._told(tried)
        self._bound: _Bound | None = None
        self._error: str | None = None
        self._callback = FUNCTION(self._called)
        self.function = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        self.argument = 0

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        stated = {one.tensor for one in self._form.inputs}
        missing = stated - set(inputs.stored)
        if missing:
            raise LoadError(f"no values for its input '{min(missing)}'")
        self._bound = None  # free, before more is taken

        def values(one: Arrangement) -> Array:
            return one.packed(np.ascontiguousarray(inputs.values(one.tensor)))

        self._bound = _Bound(self._form, values, self._threads, placement)

    def run(self) -> None:
        if self._called(None):
            raise LoadError(f"ONNX Runtime: {self._error}")

    def _called(self, argument: int | None) -> int:
        try:
            self._ready.run()
        except Exception as error:  # nothing may leave a function that C calls
            self._error = " ".join(str(error).split())[:200]
            return 1
        return 0

    @property
    def _ready(self) -> _Bound:
        if self._bound is None:
            raise LoadError("no inputs have been bound")
        return self._bound

    def share(self, threads: int) -> None:
        pass  # a session has its threads from the beginning

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        output = self._form.output
        if tensor != output.tensor:
            raise LoadError(f"it has no output '{tensor}'")
        values = np.full(shape, np.nan, F32.numpy)
        output.unpack(self._ready.memory[output.name].values, values)
        return values

    def damage(self) -> str | None:
        held = self._ready.memory.items()
        return next((f"wrote outside '{name}'" for name, one in held if not one.intact), None)

    def memory(self) -> list[tuple[str, int, int]]:
        """Of inputs and the output; a session's own memory nobody outside knows."""
        return []

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        return [
            (name, one.address, one.address + one.bytes, *one.mapping)
            for name, one in self._ready.memory.items()
        ]

    def describe(self) -> dict[str, object]:
        return self._facts

    def close(self) -> None:
        self._bound = None

    def _told(self, tried: Sequence[tuple[float, _Form]]) -> dict[str, object]:
        """Its operators, how it was chosen, and what of its time is none of the operators'."""
        (best, form), *others = tried
        operators, shares = _profiled(form, self._threads)
        moved = [name for name in shares if name.startswith("Reorder") or name == "Transpose"]
        counts = Counter(operators)
        reorders = [f"{counts[name]} {name} {shares[name]:.0%}" for name in sorted(moved)]
        return {
            "implementation": " + ".join(operators),
            "version": onnxruntime.__version__,
            "layouts": form.layouts,
            "form": form.name,
            "other_forms": "; ".join(f"{f.name} x {s / best:.2f}" for s, f in others) or "none",
            "reorders": ", ".join(reorders) or "none",
            "call_overhead": f"{_overhead() * 1e6:.1f} us a call",
        }


def _forms(graphs: Sequence[Mapping[str, Any]]) -> list[_Form]:
    found = []
    for graph in graphs:
        model = onnx.load_model_from_string(base64.b64decode(graph["model"]))
        inputs = tuple(_arrangement(one) for one in graph["inputs"])
        output = _arrangement(graph["output"])
        convolves = any(node.op_type == "Conv" for node in model.graph.node)
        for level in LEVELS if convolves else ("all",):  # beyond `extended` are layouts of images
            name = f"{graph['what']}, optimised {level}"
            found.append(_Form(name, model, inputs, output, graph["layouts"], level))
    return found


def _arrangement(fields: Mapping[str, Any]) -> Arrangement:
    tuples = {name: tuple(fields[name]) for name in ("dims", "strides", "shape")}
    return Arrangement(**{**fields, **tuples})


def _ones(one: Arrangement) -> Array:
    return np.ones(one.shape, F32.numpy)


def _profiled(form: _Form, threads: int) -> tuple[list[str], dict[str, float]]:
    """The operators that the optimised graph has, and the share of the time of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        ones = _Bound(form, _ones, threads, "timing", Path(folder))
        for _ in range(CALLS):
            ones.run()
        events = json.loads(Path(ones.session.end_profiling()).read_text())
        optimised = onnx.load_model(str(Path(folder, "optimised.onnx")))
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    whole = sum(spent.values()) or 1
    operators = [node.op_type for node in optimised.graph.node]
    return operators, {name: duration / whole for name, duration in spent.items()}


def _overhead() -> float:
    """Seconds of a call through the callback of a graph that copies one number."""
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "empty",
        [tensor("x", onnx.TensorProto.FLOAT, (1,))],
        [tensor("y", onnx.TensorProto.FLOAT, (1,))],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    one, out = (Arrangement(n, n, 1, (1,), (1,), 0, (1,), False) for n in "xy")
    form = _Form("empty", model, (one,), out, {}, "all")
    empty = _Bound(form, _ones, 1, "timing")

    def called(argument: int | None) -> int:
        empty.run()
        return 0

    callback = FUNCTION(called)
    callback(None)

    def calls() -> None:
        for _ in range(EMPTY_CALLS):
            callback(None)

    return _seconds(calls) / EMPTY_CALLS


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
