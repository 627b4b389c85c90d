"""MetaSchedule as a baseline: the primitive's own statements, tuned by TVM on the measuring slot.

Shao, Zhou, Feng, Hou, Lai, Jin, Lin, Masuda, Yu, Chen, "Tensor Program Optimization with
Probabilistic Programs", NeurIPS 2022. TVM lives in a tool environment; what it has tuned is a
library that the measuring child calls through TVM's own run time, without Python.

Constant inputs lie as the tuner wants them (TVM's layout rewriting), plain tensors as the caller
has them, others with their channels last; all that is packed is packed when it is bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from compiler.problem.primitive import Primitive, Tensor
from harness.baseline.adapter.build import AdapterBuildError, build_adapter, cxx_compiler
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.tool.environment import Installed, PythonPackages, Tool, state
from harness.baseline.tvm.metaschedule_request import Untranslatable, described, memory_order
from harness.baseline.tvm.tuning import SLACK, Tuned, TuningJob, TuningOptions, tune
from harness.kernel.toolchain import Toolchain
from harness.system_packages import installing_system

SCRIPT = Path(__file__).with_name("metaschedule_tuner.py")
FUNCTION = Path(__file__).with_name("metaschedule_function.py")  # imported by the script
SOURCE = Path(__file__).with_name("metaschedule_adapter.cpp")
VERSION = "0.27.0.post1"
SEED = 1
TOOL = Tool(
    "metaschedule",
    "TVM 0.27 with MetaSchedule",
    PythonPackages(
        packages=(
            f"apache-tvm=={VERSION}",
            "apache-tvm-ffi==0.1.14.post0",  # with the one after it TVM crashes
            "xgboost-cpu==3.2.0",
            "psutil==7.2.2",
            "cloudpickle==3.1.2",
            "scipy==1.17.1",
            "numpy==2.4.6",
            "ml_dtypes==0.6.0",
            "typing_extensions==4.16.0",
        ),
    ),
)


@dataclass(frozen=True)
class MetaSchedule:
    """The baseline; one instance is one budget."""

    toolchain: Toolchain
    options: TuningOptions
    slack: float = SLACK  # seconds past the budget until the tuner is ended
    name: str = "metaschedule"

    @property
    def tunes(self) -> bool:
        return True

    def available(self) -> Available | Missing:
        found = state(TOOL, self.toolchain)
        if isinstance(found, Missing):
            return found
        for library in _libraries(found):
            if not library.exists():
                what = f"the environment of metaschedule is broken (no {library.name})"
                return Missing(what, TOOL.command)
        if cxx_compiler() is None:
            return Missing(
                "MetaSchedule links what it tunes with a C++ compiler", installing_system("g++")
            )
        return Available(VERSION, {"tvm": VERSION})

    def supports(self, primitive: Primitive) -> str | None:
        try:
            described(primitive)
        except Untranslatable as reason:
            return f"unsupported: {primitive.name}: {reason}"
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        found = state(TOOL, self.toolchain)
        if isinstance(found, Missing):
            return Unprepared("plan", str(found))
        try:
            request = described(primitive)
        except Untranslatable as reason:
            what = f"unsupported: {primitive.name}: {reason}"
            return Unprepared("plan", what, status="unsupported")
        tuned = tune(self._job(request, found, threads, cores))
        if isinstance(tuned, Unprepared):
            return tuned
        try:
            return self._executable(primitive, tuned, found, threads)
        except AdapterBuildError as failure:
            return Unprepared("compile", str(failure), tuned.seconds, tried=tuned.tried)

    def _job(
        self, request: Mapping[str, object], found: Installed, threads: int, cores: tuple[int, ...]
    ) -> TuningJob:
        return TuningJob(
            name=self.name,
            title="TVM MetaSchedule",
            script=SCRIPT,
            imports=(FUNCTION,),
            interpreter=found.python,
            request={
                **request,
                "threads": threads,
                "trials": self.options.trials,
                "plan_size": self.options.plan_size,
                "budget_seconds": self.options.budget_seconds,
                "seed": SEED,
                "recipe": TOOL.recipe,
            },
            options=self.options,
            cores=cores,
            toolchain=self.toolchain,
            environment=_environment(threads),
            slack=self.slack,
        )

    def _executable(
        self, primitive: Primitive, tuned: Tuned, found: Installed, threads: int
    ) -> Prepared:
        result = tuned.result
        ffi, runtime = _libraries(found)
        adapter = build_adapter(
            SOURCE,
            cxx_compiler() or "c++",
            flags=(f"-I{ffi.parents[1] / 'include'}",),
            library=None,
            version=VERSION,
            toolchain=self.toolchain,
        )
        told = f"{len(tuned.tried)} trials, plan size {self.options.plan_size}"
        configuration: dict[str, object] = {
            "ffi": str(ffi),
            "runtime": str(runtime),
            "module": str(tuned.library),
            "implementation": f"TVM MetaSchedule ({told})",
            "version": f"TVM {result['tvm']}",
            "arguments": len(result["arguments"]),
        }
        for index, argument in enumerate(result["arguments"]):
            tensor = primitive.tensor(argument["name"])
            order = memory_order(primitive, tensor)
            configuration |= array_of(f"t{index}", tensor, order, argument["axes"])
        taken = {argument["name"] for argument in result["arguments"]}
        numbers = (t.name for t in primitive.tensors if t.role == "input" and t.name not in taken)
        configuration |= {f"number_{name}": 1 for name in numbers}
        executable = {
            "kind": "adapter",
            "library": str(adapter.path),
            "configuration": configuration,
            "environment": _environment(threads),
        }
        facts = {
            "tuner": f"MetaSchedule, TVM {result['tvm']}, {told}",
            "target": str(result["target"]),
            "tuned_configuration": str(result["configuration"]),
            "tuning_stop": tuned.trouble or str(result["stop"]),
        }
        return Prepared(executable, tuned.seconds, tuned.cached, facts, tuned.tried)


def metaschedule(options: TuningOptions, toolchain: Toolchain) -> MetaSchedule:
    return MetaSchedule(toolchain, options)


METASCHEDULE = Builder(TuningOptions, metaschedule)


def array_of(
    role: str,
    tensor: Tensor,
    order: Sequence[int],
    packed: Sequence[Mapping[str, Any]] | None,
) -> dict[str, object]:
    """The adapter's array: its dimensions in this order, or the axes that the tuner has chosen,
    each with its extent, the place in the order that it belongs to and its step in that."""
    whole = packed or [
        {"extent": tensor.shape[d], "dimension": at, "step": 1} for at, d in enumerate(order)
    ]
    extents = [tensor.shape[d] for d in order]
    axes = [part for axis in whole for part in _within(axis, extents)]
    plain = [prod(tensor.shape[d + 1 :]) for d in range(len(tensor.shape))]
    of = [order[axis["dimension"]] for axis in axes]
    return {
        role: tensor.name,
        f"{role}_elements": tensor.elements,
        f"{role}_offset": 0,
        f"{role}_shape": [axis["extent"] for axis in whole],
        f"{role}_dims": [axis["extent"] for axis in axes],
        f"{role}_strides": [axis["step"] * plain[d] for axis, d in zip(axes, of, strict=True)],
        f"{role}_padding": [0] * (2 * len(axes)),
        f"{role}_blocks": [],
        f"{role}_layout": _tag(
            [(x["extent"], d) for x, d in zip(axes, of, strict=True) if x["step"]]
        ),
    }


def _within(axis: Mapping[str, Any], extents: Sequence[int]) -> list[Mapping[str, Any]]:
    """An axis that runs over the end of its dimension goes on in the one before: as two axes."""
    extent, dimension, step = axis["extent"], axis["dimension"], axis["step"]
    size = extents[dimension]
    if extent * step <= size:
        return [axis]
    inside = size // step
    if size % step or extent % inside:
        raise AdapterBuildError(f"MetaSchedule split a dimension of {size} unevenly")
    outer = {"extent": extent // inside, "dimension": dimension - 1, "step": 1}
    return [*_within(outer, extents), {**axis, "extent": inside}]


def _tag(axes: Sequence[tuple[int, int]]) -> str:
    """Extents and dimensions in memory order as letters; a capital has inner blocks: Ab4a."""
    of = [d for _, d in axes]
    words = []
    for at, (extent, d) in enumerate(axes):
        letter = chr(ord("a") + d)
        if d in of[:at]:
            words.append(f"{extent}{letter}")
        else:
            words.append(letter.upper() if d in of[at + 1 :] else letter)
    return "".join(words)


def _libraries(found: Installed) -> tuple[Path, Path]:
    """Of TVM's calling convention and of its run time, without asking its interpreter."""
    site = next(iter(sorted(found.folder.glob("lib/python*/site-packages"))), found.folder)
    return site / "tvm_ffi" / "lib" / "libtvm_ffi.so", site / "tvm" / "lib" / "libtvm_runtime.so"


def _environment(threads: int) -> dict[str, str]:
    """For the tuner and for the measuring child."""
    return {
        "TVM_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "TVM_BIND_THREADS": "0",  # the slot's cores are set already
    }
