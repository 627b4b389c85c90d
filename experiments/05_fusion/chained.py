"""MobileNetV2's sixteen expanding blocks one after the other, beside whole chains (README.md here).

python experiments/05_fusion/chained.py [CORE]

Each block is a kernel of ours, chosen by the model so that neighbours agree on the layout of what
they hand on; scratch memory is one for all of them. oneDNN and ONNX Runtime get the same blocks as
one chain. Everything is verified against the reference of all statements and timed in pairs, as in
a campaign's report tier.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import yaml
from rich.table import Table

from compiler.lower.fusion import in_loops
from compiler.model.accesses import mapped
from compiler.pipeline import Ranked, compile_schedule, ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import F32
from compiler.problem.primitive import Primitive, Statement, Tensor
from compiler.problem.reference import reference
from compiler.problem.signs import growth
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Array
from compiler.schedule.schedule import Schedule
from harness.baseline.baseline import Prepared
from harness.baseline.builders import baseline_named
from harness.cluster.slots import taken
from harness.conf_files import CONF
from harness.failure import Failure
from harness.kernel.build import Built, build
from harness.kernel.load import ExecutableSpec, LoadedKernel, LoadError, kernel_spec
from harness.kernel.memory import MappedBuffer, Placement
from harness.kernel.problem_data import Inputs, ProblemData, Round, save
from harness.kernel.toolchain import Toolchain
from harness.measure.budget import MeasureSettings
from harness.measure.ceilings import host_architecture
from harness.measure.child import ChildSettings
from harness.measure.contender import ContenderStarter
from harness.measure.native import timing_library
from harness.measure.protocol import report_tier
from harness.measure.slot import Slot
from harness.measure.statistics import block_ratios, noise, speedup, table
from harness.report.terminal import terminal
from harness.scratch import scratch_folder
from harness.settings import cache_folder

# Expansion, output channels, repeats, stride of the first (Sandler et al., CVPR 2018, table 2).
STAGES = (
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FIRST_CHANNELS, FIRST_PIXELS = 16, 112
HANDED_ON = {"data": 0, "out": 1}  # the place of what blocks hand on, counted from the block's own
CONTENDERS = {"roofline": True, "apart": False}  # with bands inside levels of others, or without
BASELINES = ("onednn", "onnxruntime")
SETTINGS = MeasureSettings(budget_seconds=60.0)
OBJECT = "experiments.05_fusion.chained:InSequence"
DRIVER = """\
typedef void (*kernel)(void *const *);
void polydl_sequence(void *const *calls) {
    for (; calls[0]; calls += 2) ((kernel)calls[0])((void *const *)calls[1]);
}
"""


@dataclass(frozen=True)
class Block:
    """One block: a shipped primitive with sizes."""

    primitive: str
    sizes: tuple[tuple[str, int], ...]

    @property
    def spec(self) -> dict[str, Any]:
        text = (CONF / "primitive" / f"{self.primitive}.yaml").read_text(encoding="utf-8")
        shipped: dict[str, Any] = yaml.safe_load(text)
        return {**shipped, "sizes": {**shipped["sizes"], **dict(self.sizes)}}


def blocks() -> Iterator[Block]:
    channels, pixels = FIRST_CHANNELS, FIRST_PIXELS
    for expansion, out, repeats, first in STAGES:
        for number in range(repeats):
            stride = first if number == 0 else 1
            sizes = {"ic": channels, "c": expansion * channels, "ih": pixels, "iw": pixels}
            if stride == 1 and channels == out:
                yield Block("inverted_residual", tuple(sizes.items()))
            else:
                sizes |= {"oc": out, "stride": stride}
                yield Block("inverted_bottleneck", tuple(sizes.items()))
            channels, pixels = out, pixels // stride


def network(members: Sequence[Block]) -> Primitive:
    """All blocks as one primitive: names of block k end in _k, but for what is handed on."""
    parts = [primitive_from(member.spec) for member in members]
    tensors: dict[str, Tensor] = {}
    for k, part in enumerate(parts):
        for tensor in part.tensors:
            name = named(tensor.name, k)
            role = tensor.role
            if tensor.name in HANDED_ON:
                role = "input" if name == "x_0" else "temporary"
            tensors[name] = replace(tensor, name=name, role=role)
    last = f"x_{len(parts)}"
    tensors[last] = replace(tensors[last], role="output")
    return Primitive(
        "mobilenetv2_chain",
        (),
        tuple((f"{loop}_{k}", n) for k, part in enumerate(parts) for loop, n in part.extents),
        tuple(tensors.values()),
        tuple(_renamed(s, k) for k, part in enumerate(parts) for s in part.statements),
    )


def _renamed(statement: Statement, k: int) -> Statement:
    own = in_loops(statement, {loop: f"{loop}_{k}" for loop in statement.loops})
    renamed = mapped(own, lambda access: replace(access, tensor=named(access.tensor, k)))
    return replace(renamed, text=f"block {k}: {statement.text}")


def named(tensor: str, k: int) -> str:
    """What a tensor of block k is called in the network."""
    return f"x_{k + HANDED_ON[tensor]}" if tensor in HANDED_ON else f"{tensor}_{k}"


@dataclass(frozen=True)
class Chosen:
    """Schedules of the blocks so far, and their predicted seconds."""

    schedules: tuple[Schedule, ...] = ()
    seconds: float = 0.0


def chosen(
    members: Sequence[Block], machine: Architecture, attach: bool
) -> tuple[tuple[Primitive, Schedule], ...]:
    """The cheapest schedules by the model whose neighbours agree on what is handed on."""
    known: dict[Block, tuple[Ranked, ...]] = {}
    best: dict[str | None, Chosen] = {}
    primitives = [primitive_from(member.spec) for member in members]
    for k, (member, primitive) in enumerate(zip(members, primitives, strict=True)):
        if member not in known:
            known[member] = ranked_schedules(primitive, machine, attach=attach)
        found: dict[str | None, Chosen] = {}
        for one in known[member]:
            tags = dict(one.schedule.layout)
            given, left = tags.get("data"), tags.get("out")
            before = best.get(given) if k else Chosen()
            if before is None:
                continue
            seconds = before.seconds + (one.seconds or 0.0)
            if left not in found or seconds < found[left].seconds:
                found[left] = Chosen((*before.schedules, one.schedule), seconds)
        if not found:
            raise SystemExit(f"block {k}: no schedule takes what the one before leaves")
        best = found
    cheapest = min(best.values(), key=lambda one: one.seconds)
    return tuple(zip(primitives, cheapest.schedules, strict=True))


def executable(
    pairs: Sequence[tuple[Primitive, Schedule]], toolchain: Toolchain
) -> dict[str, object]:
    """All kernels as one thing that the measuring child loads."""
    kernels, known = [], dict[tuple[Primitive, Schedule], object]()
    for primitive, schedule in pairs:
        if (primitive, schedule) not in known:
            kernel = compile_schedule(primitive, schedule)
            built = build(kernel.text, kernel.openmp, toolchain)
            if not isinstance(built, Built):
                raise SystemExit(built.reason)
            known[primitive, schedule] = kernel_spec(kernel, built.path)
        kernels.append(known[primitive, schedule])
    driver = build(DRIVER, False, toolchain)
    if not isinstance(driver, Built):
        raise SystemExit(driver.reason)
    return {"kind": "python", "object": OBJECT, "driver": str(driver.path), "kernels": kernels}


def expected(whole: Primitive) -> ProblemData:
    """The float round alone, errors as shares of the largest output.

    No integers stay exact through so many sums: the campaign holds each block to that. Weights keep
    the deviation of what they are multiplied by, as a trained network's do; with any others errors
    grow from block to block, everybody's alike.
    """
    random = np.random.default_rng(0)
    stored = {}
    for tensor in (t for t in whole.tensors if t.role == "input"):
        terms = prod(tensor.shape[1:])  # of a sum, where it is a weight
        deviation = terms**-0.5 if tensor.constant and terms > 1 else 0.1
        stored[tensor.name] = np.float32(deviation) * random.standard_normal(
            tensor.shape, np.float32
        )
    stored["x_0"] *= 10
    outputs = reference(whole, stored)
    scale = {name: np.full(v.shape, np.abs(v).max(), np.float32) for name, v in outputs.items()}
    found = Round("float", Inputs(stored), outputs, scale, growth(whole))
    shapes = {name: values.shape for name, values in outputs.items()}
    return ProblemData(shapes, (found,), inexact="a chain of many sums")


class InSequence:
    """Kernels one after the other; answers harness.kernel.load.Executable."""

    kind = 0
    library = False
    numerics: str | None = None
    outputs: tuple[str, ...] = ()

    def __init__(self, spec: ExecutableSpec) -> None:
        self._kernels = [LoadedKernel(one) for one in spec["kernels"]]
        self._driver = ctypes.CDLL(spec["driver"])
        self.function = ctypes.cast(self._driver.polydl_sequence, ctypes.c_void_p).value or 0
        self.argument = 0
        self._held: dict[str, MappedBuffer] = {}
        self._packed: dict[str, Array] = {}
        self._scratch: MappedBuffer | None = None
        self._pointers: list[Any] = []

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        self._held, self._packed, self._pointers = {}, {}, []
        most = max(
            sum(b.elements_on(1) for b in one.buffers if b.role == "workspace")
            for one in self._kernels
        )
        self._scratch = MappedBuffer(most, F32, placement)
        self._scratch.values[:] = np.resize(garbage, most)
        calls: list[int] = []
        for k, kernel in enumerate(self._kernels):
            addresses, used = [], 0
            for buffer in kernel.buffers:
                if buffer.role == "workspace":
                    addresses.append(self._scratch.address + used * F32.bytes)
                    used += buffer.elements_on(1)
                    continue
                name = named(buffer.name, k)
                if name not in self._held:
                    held = MappedBuffer(buffer.elements, F32, placement, len(self._held))
                    if name in inputs and buffer.layout is not None:
                        self._packed[name] = inputs.packed(name, buffer.layout)
                        held.values[:] = self._packed[name]
                    else:
                        held.values[:] = np.resize(garbage, buffer.elements)
                    self._held[name] = held
                addresses.append(self._held[name].address)
            pointers = (ctypes.c_void_p * len(addresses))(*addresses)
            self._pointers.append(pointers)
            calls += [
                ctypes.cast(kernel.function, ctypes.c_void_p).value or 0,
                ctypes.addressof(pointers),
            ]
        self._pointers.append((ctypes.c_void_p * (len(calls) + 1))(*calls, None))
        self.argument = ctypes.addressof(self._pointers[-1])

    def run(self) -> None:
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.function)
        call(self.argument)

    def share(self, threads: int) -> None:
        pass

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        last = next(b for b in self._kernels[-1].buffers if b.role == "output")
        if tensor != named(last.name, len(self._kernels) - 1) or last.layout is None:
            raise LoadError(f"no output '{tensor}'")
        return last.layout.unpack(self._held[tensor].values).reshape(shape)

    def damage(self) -> str | None:
        for name, held in self._held.items():
            if not held.intact:
                return f"wrote outside '{name}'"
            if name in self._packed and not np.array_equal(self._packed[name], held.values):
                return f"changed its input '{name}'"
        return None

    def memory(self) -> list[tuple[str, int, int]]:
        return [(name, held.address, held.bytes) for name, held in self._held.items()]

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        return [(n, m.address, m.address + m.bytes, *m.mapping) for n, m in self._held.items()]

    def describe(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        self._held = {}


def main() -> None:
    core = int(sys.argv[1]) if len(sys.argv) > 1 else max(os.sched_getaffinity(0))
    toolchain = Toolchain.opened(cache_folder())
    slot = Slot((core,))
    members = tuple(blocks())
    whole = network(members)
    with taken(slot, "chained"):
        machine = host_architecture(toolchain, core)
    executables: dict[str, ExecutableSpec] = {
        name: executable(chosen(members, machine, attach), toolchain)
        for name, attach in CONTENDERS.items()
    }
    for name in BASELINES:
        prepared = baseline_named(name, {}, toolchain).prepare(whole, 1)
        if not isinstance(prepared, Prepared):
            print(f"{name}: {prepared.reason}", file=sys.stderr)
            continue
        executables[name] = prepared.executable
    timer = timing_library(toolchain)
    if isinstance(timer, Failure):
        raise SystemExit(timer.reason)
    child = ChildSettings(slot, timer)
    with scratch_folder(toolchain.scratch) as scratch, contextlib.ExitStack() as held:
        data = scratch / "data"
        save(expected(whole), data)
        held.enter_context(taken(slot, "chained"))
        starter = ContenderStarter(executables, data, child, SETTINGS)
        pairs = [(name, other) for name in CONTENDERS for other in executables if name != other]
        run = report_tier(list(executables), pairs, starter, SETTINGS)
    for name, failed in run.failures.items():
        print(f"{name}: {failed}", file=sys.stderr)
    tables = {name: table(run.samples, name) for name in executables if name not in run.failures}
    shown = Table("contender", "ms", *(f"x {name} [95 %]" for name in tables))
    for name, times in tables.items():
        row = [f"{np.nanmedian(times) * 1e3:.3f}"]
        for other in tables:
            disturbed = noise(run.samples, name, other)
            found = speedup(block_ratios(tables[other], times), disturbed)
            low, high = found.ci95
            row.append("" if other == name else f"{found.ratio:.3f} [{low:.3f} {high:.3f}]")
        shown.add_row(name, *row)
    terminal().print(shown)
    for name in BASELINES:
        for what, value in starter.described.get(name, {}).items():
            if what != "layouts":
                terminal().print(f"{name} {what}: {value}", soft_wrap=True)


if __name__ == "__main__":
    main()
