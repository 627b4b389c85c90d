"""A BLAS as a baseline: matrix products, and convolutions as im2col and a product."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compiler.problem.primitive import Primitive
from harness.baseline.adapter.arrays import Axis, array, matrix
from harness.baseline.adapter.build import (
    BuiltAdapter,
    build_adapter,
    compiler_version,
    cxx_compiler,
)
from harness.baseline.adapter.prepared import Operator, prepared_adapter, refusal
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.blas.library import Blas, library_found
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.views import Unrecognised, View
from harness.kernel.toolchain import Toolchain
from harness.system_packages import installing_system

SOURCE = Path(__file__).with_name("blas_adapter.cpp")
COLUMNS_BYTES = 2 << 20  # of im2col at once: with less, packing the weights again costs more


@dataclass(frozen=True)
class BlasOptions:
    path: str | None = None  # a library file; None: what is found by itself


@dataclass(frozen=True)
class BlasBaseline:
    """The baseline. `path` is a library file and comes before anything found by itself."""

    toolchain: Toolchain
    path: str | None = None
    name: str = "blas"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        found = library_found(self.path)
        if isinstance(found, Missing):
            return found
        compiler = cxx_compiler()
        if compiler is None:
            return Missing("the BLAS's adapter needs a C++ compiler", installing_system("g++"))
        version = " ".join(filter(None, (found.blas, found.version, found.core)))
        facts = {
            "blas": version,
            "blas_library": str(found.library),
            "cxx": compiler_version(compiler),
        }
        return Available(version, facts)

    def supports(self, primitive: Primitive) -> str | None:
        return refusal(primitive, _check)

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        found, compiler = library_found(self.path), cxx_compiler()
        if isinstance(found, Missing):
            return Unprepared("plan", str(found))
        if compiler is None:
            return Unprepared("plan", "the BLAS's adapter needs a C++ compiler")

        def configured(operator: Operator) -> dict[str, object]:
            _check(operator)
            return {"threads": threads, **_library(found), **_problem(operator)}

        def build() -> BuiltAdapter:
            return build_adapter(
                SOURCE,
                compiler,
                flags=("-fopenmp",),
                library=None,
                version="",  # of no library: it is opened by name
                toolchain=self.toolchain,
            )

        return prepared_adapter(primitive, configured, build, {"blas_library": str(found.library)})


def blas(options: BlasOptions, toolchain: Toolchain) -> BlasBaseline:
    return BlasBaseline(toolchain, options.path)


BLAS = Builder(BlasOptions, blas)


def _check(operator: Operator) -> None:
    """Raises Unrecognised for operands that no sgemm can read where they lie."""
    if isinstance(operator, MatrixProduct):
        for view in (operator.a, operator.b):
            if 1 not in view.stored[-2:]:
                raise Unrecognised(
                    f"neither rows nor columns of {view.tensor} are contiguous in memory"
                )


def _library(found: Blas) -> dict[str, object]:
    return {
        "library": str(found.library),
        "sgemm": found.sgemm,
        "integer_bits": found.integer_bits,
        "set_threads": found.set_threads,
        "blas": found.blas,
        "version": " ".join(filter(None, (found.version, found.core))),
    }


def _problem(operator: Operator) -> dict[str, object]:
    if isinstance(operator, MatrixProduct):
        return {
            "kind": "matmul",
            **matrix("a", operator.a),
            **matrix("b", operator.b),
            **matrix("c", operator.c),
        }
    flat = [0] * (3 - len(operator.stride))  # dimensions that a 1-D or 2-D convolution lacks
    ones = [1 for _ in flat]
    weight = operator.weight if operator.groups > 1 else _with_group(operator.weight)
    return {
        "kind": "convolution",
        "columns_bytes": COLUMNS_BYTES,
        "strides": [*ones, *operator.stride],
        "dilations": [*ones, *operator.dilation],
        "before": [*flat, *operator.before],
        **array("data", operator.data, _tag(operator), _images(operator.data, operator)),
        **array(
            "weight",
            operator.weight,
            "abcdef"[: len(operator.weight.dims)],
            [
                *map(Axis, weight.dims[:3], weight.plain[:3]),
                *(Axis(1, 0) for _ in flat),
                *map(Axis, weight.dims[3:], weight.plain[3:]),
            ],
        ),
        **array("out", operator.out, _tag(operator), _images(operator.out, operator)),
    }


def _with_group(weight: View) -> View:
    """The weight of a convolution without groups as that of one group."""
    return View(
        weight.tensor,
        (1, *weight.dims),
        (0, *weight.plain),
        (0, *weight.stored),
        weight.constant,
        weight.elements,
    )


def _images(view: View, conv: Convolution) -> list[Axis]:
    """n, group, channels of the group, three spatial dimensions."""
    channels, step = view.dims[1] // conv.groups, view.plain[1]
    return [
        Axis(view.dims[0], view.plain[0]),
        Axis(conv.groups, channels * step),
        Axis(channels, step),
        *(Axis(1, 0) for _ in range(3 - len(conv.stride))),
        *map(Axis, view.dims[2:], view.plain[2:]),
    ]


def _tag(conv: Convolution) -> str:
    return "abcde"[: 2 + len(conv.stride)]
