"""ONNX Runtime as a baseline: the recognised operators as one graph, which it optimises itself."""

from __future__ import annotations

import base64
import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from compiler.problem.primitive import Primitive
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.recognition.chains import MOVED, Chain, recognise_chain
from harness.baseline.recognition.operators import rounds_inside, steps_of
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.wheels import installing_wheels
from harness.kernel.toolchain import Toolchain
from harness.options import NoOptions
from harness.plugins import loaded
from harness.record.result import TuningSeconds

SIGMOID = "sigmoid: its argument is clipped, so that far from 0 the result is flat"
WHEELS = ("onnxruntime", "onnx")
# Loaded where they are needed: both import what may not be installed.
GRAPHS = "harness.baseline.onnxruntime.graph:graphs_of"
SESSION = "harness.baseline.onnxruntime.session:OnnxRuntime"


@dataclass(frozen=True)
class OnnxRuntimeBaseline:
    """The baseline. It runs in the Python of the measuring child, which is its own process."""

    name: str = "onnxruntime"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        versions: dict[str, str] = {}
        for wheel in WHEELS:
            try:
                versions[wheel] = importlib.metadata.version(wheel)
            except importlib.metadata.PackageNotFoundError:
                return Missing(f"{wheel} is not installed", installing_wheels(*WHEELS))
        return Available(versions["onnxruntime"], versions)

    def supports(self, primitive: Primitive) -> str | None:
        try:
            recognise_chain(primitive)
        except Unrecognised as reason:
            return f"unsupported: {primitive.name}: {reason}"
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        started = time.monotonic()
        here = self.available()
        if isinstance(here, Missing):
            return Unprepared("plan", str(here))
        graphs_of: Callable[[Chain], Any] = loaded({"graphs": GRAPHS})["graphs"]
        try:
            chain = recognise_chain(primitive)
            graphs = [_plain(graph, primitive) for graph in graphs_of(chain)]
        except Unrecognised as reason:
            text = f"unsupported: {primitive.name}: {reason}"
            return Unprepared("plan", text, status="unsupported")
        numerics = _numerics(chain)
        executable = {
            "kind": "python",
            "object": SESSION,
            "threads": threads,
            "graphs": graphs,
            **({} if numerics is None else {"numerics": numerics}),
        }
        seconds = TuningSeconds(compile=time.monotonic() - started)
        facts = {"reassociated": MOVED} if chain.moved else {}
        return Prepared(executable, seconds, cached=True, facts=facts)  # nothing was built


def _plain(graph: Any, primitive: Primitive) -> dict[str, object]:
    """A graph as JSON carries it, and how the tensors lie that are bound to it."""
    bound = (*graph.inputs, graph.output)
    return {
        **asdict(graph),
        "model": base64.b64encode(graph.model).decode(),
        "layouts": {one.tensor: one.letters(primitive.tensor(one.tensor).shape) for one in bound},
    }


def _numerics(chain: Chain) -> str | None:
    """Why its results are not those of the statements where float32 is exact."""
    steps = [step.function for operator in chain.operators for step in steps_of(operator)]
    return SIGMOID if {"logistic", "swish"} & {*steps} else rounds_inside(chain.operators)


def onnxruntime(options: NoOptions, toolchain: Toolchain) -> OnnxRuntimeBaseline:
    return OnnxRuntimeBaseline()


ONNXRUNTIME = Builder(NoOptions, onnxruntime)
