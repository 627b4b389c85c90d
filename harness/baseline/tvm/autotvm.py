"""AutoTVM as a baseline: TVM 0.17's templates for x86, tuned on the measuring slot.

Chen, Zheng, Yan, Jiang, Moreau, Ceze, Guestrin, Krishnamurthy, "Learning to Optimize Tensor
Programs", NeurIPS 2018. TVM lives in a tool environment; what it has tuned is a library that the
measuring child calls through TVM's own run time, without Python.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from compiler.problem.primitive import Primitive
from harness.baseline.adapter.build import AdapterBuildError, build_adapter, cxx_compiler
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.recognition.products import Convolution, MatrixProduct, recognise
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.tool.environment import Installed, PythonPackages, Tool, state
from harness.baseline.tvm.operators import Operator, Unsuitable, operator_of, packed_arrays
from harness.baseline.tvm.stubs import make_stubs
from harness.baseline.tvm.tuning import Tuned, TuningJob, TuningOptions, tune
from harness.bounds import DAY, one_of, within
from harness.kernel.toolchain import Toolchain
from harness.system_packages import installing_system

SCRIPT = Path(__file__).with_name("autotvm_tuner.py")
SOURCE = Path(__file__).with_name("autotvm_adapter.cpp")
TUNERS = ("xgb", "random", "grid", "genetic")
PLANNING = ("xgb", "genetic")  # tuners that learn between plans
# The wheel of TVM 0.17.dev0 with LLVM 10 that PyPI has: its autotvm is that of TVM 0.17.0.
CARRIER = "bitblas==0.0.1.dev15"
# What LLVM 10 knows, best first; it does not know younger names and would build generic code.
PROCESSORS = (
    ("cascadelake", ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni")),
    ("skylake-avx512", ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd")),
    ("znver2", ("avx2", "fma", "sse4a", "clwb")),
    ("core-avx2", ("avx2", "fma")),
    ("x86-64", ()),
)


def _finish(folder: Path) -> None:
    build = _tvm(folder) / "build"
    make_stubs([build / "libtvm.so", build / "libtvm_runtime.so"], folder / "stubs")


TOOL = Tool(
    "autotvm",
    "TVM 0.17 with AutoTVM and LLVM 10",
    PythonPackages(
        alone=(CARRIER,),  # what it depends on is several GB of CUDA
        packages=(
            "numpy==2.4.6",
            "decorator==5.3.1",
            "attrs==26.1.0",
            "cloudpickle==3.1.2",
            "psutil==7.2.2",
            "scipy==1.17.1",
            "tornado==6.6.1",
            "typing_extensions==4.16.0",
            "ml_dtypes==0.6.0",
            "xgboost-cpu==3.2.0",
            "setuptools==65.5.0",
        ),
    ),
    _finish,
)


@dataclass(frozen=True)
class AutoTvmOptions(TuningOptions):
    trials: int = within(200, 1, 10**6)
    plan_size: int = within(64, 1, 10**6)
    budget_seconds: float = within(3600.0, 1, 100 * DAY)
    tuner: str = one_of("xgb", TUNERS)


@dataclass(frozen=True)
class AutoTvm:
    """The baseline; one instance is one tuner with its budget."""

    toolchain: Toolchain
    options: AutoTvmOptions
    name: str = "autotvm"

    @property
    def tunes(self) -> bool:
        return True

    def available(self) -> Available | Missing:
        if platform.machine() not in ("x86_64", "AMD64"):
            return Missing("AutoTVM's wheel is for x86-64 alone", "none for this machine")
        found = state(TOOL, self.toolchain)
        if isinstance(found, Missing):
            return found
        if not (_tvm(found.folder) / "build" / "libtvm.so").exists():
            return Missing("the environment of autotvm is broken (no libtvm.so)", TOOL.command)
        if cxx_compiler() is None:
            return Missing(
                "AutoTVM links what it tunes with a C++ compiler", installing_system("g++")
            )
        return Available("0.17.dev0", {"tvm": "0.17.dev0", "llvm": "10.0.1"})

    def supports(self, primitive: Primitive) -> str | None:
        try:
            operator_of(primitive, recognise(primitive))
        except (Unrecognised, Unsuitable) as reason:
            return f"unsupported: {primitive.name}: {reason}"
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        found = state(TOOL, self.toolchain)
        if isinstance(found, Missing):
            return Unprepared("plan", str(found))
        try:
            product = recognise(primitive)
            operator = operator_of(primitive, product)
        except (Unrecognised, Unsuitable) as reason:
            what = f"unsupported: {primitive.name}: {reason}"
            return Unprepared("plan", what, status="unsupported")
        tuned = tune(self._job(operator, found, threads, cores))
        if isinstance(tuned, Unprepared):
            return tuned
        try:
            return self._executable(operator, product, tuned, found, threads)
        except AdapterBuildError as failure:
            return Unprepared("compile", str(failure), tuned.seconds, tried=tuned.tried)

    def _job(
        self, operator: Operator, found: Installed, threads: int, cores: tuple[int, ...]
    ) -> TuningJob:
        options = self.options
        return TuningJob(
            name=self.name,
            title="AutoTVM",
            script=SCRIPT,
            interpreter=found.python,
            request={
                **operator.request,
                "target": _target(),
                "threads": threads,
                "tuner": self.options.tuner,
                "trials": options.trials,
                "plan_size": options.plan_size,
                "budget_seconds": options.budget_seconds,
                "seed": 0,
                "recipe": TOOL.recipe,
            },
            options=options,
            cores=cores,
            toolchain=self.toolchain,
            environment=_environment(found.folder, threads),
        )

    def _executable(
        self,
        operator: Operator,
        product: Convolution | MatrixProduct,
        tuned: Tuned,
        found: Installed,
        threads: int,
    ) -> Prepared:
        result = tuned.result
        compiler = cxx_compiler()
        assert compiler is not None, "available() looks for it"
        adapter = build_adapter(
            SOURCE,
            compiler,
            flags=(),
            library=None,
            version=str(result["tvm"]),
            toolchain=self.toolchain,
        )
        version = f"TVM {result['tvm']}, LLVM {result['llvm']}"
        told = f"{self.options.tuner}, {result['trials']} trials"
        if self.options.tuner in PLANNING:
            told += f", plan size {self.options.plan_size}"
        configuration = {
            "runtime": str(_tvm(found.folder) / "build" / "libtvm.so"),
            "module": str(tuned.library),
            "implementation": f"AutoTVM {operator.template} ({told})",
            "version": version,
            **packed_arrays(product, result["arguments"]),
        }
        executable = {
            "kind": "adapter",
            "library": str(adapter.path),
            "configuration": configuration,
            "environment": _environment(found.folder, threads),
        }
        facts = {
            "tuner": f"AutoTVM, {version}, {told}",
            "target": _target(),
            "tuned_configuration": str(result["configuration"]),
            "tuning_space": str(result["space"]),
            "tuning_stop": tuned.trouble or str(result["stop"]),
        }
        return Prepared(executable, tuned.seconds, tuned.cached, facts, tuned.tried)


def autotvm(options: AutoTvmOptions, toolchain: Toolchain) -> AutoTvm:
    return AutoTvm(toolchain, options)


AUTOTVM = Builder(AutoTvmOptions, autotvm)


def processor() -> str:
    """The best name that this TVM's LLVM knows for the host."""
    flags: set[str] = set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = set(line.split())
            break
    return next(name for name, needed in PROCESSORS if flags.issuperset(needed))


def _target() -> str:
    return f"llvm -mcpu={processor()}"


def _tvm(folder: Path) -> Path:
    """The folder of TVM inside the environment, without asking its interpreter."""
    found = sorted(folder.glob("lib/python*/site-packages/bitblas/3rdparty/tvm"))
    return found[0] if found else folder / "lib"


def _environment(folder: Path, threads: int) -> dict[str, str]:
    """For the tuner and for the measuring child: CUDA's stand-ins found, threads ours."""
    tvm = _tvm(folder)
    return {
        "LD_LIBRARY_PATH": str(folder / "stubs"),
        "PYTHONPATH": str(tvm / "python"),
        "TVM_LIBRARY_PATH": str(tvm / "build"),
        "TVM_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "TVM_BIND_THREADS": "0",  # the slot's cores are set already
        "PATH": os.environ.get("PATH", os.defpath),
    }
