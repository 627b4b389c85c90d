"""Callable kernels of small problems, built here: their verification is tested elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.pipeline import compile_schedule, parse_schedule, ranked_schedules
from compiler.problem.specification import primitive_from
from harness.calling.callable_kernel import CallableKernel
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import LoadedKernel, kernel_spec
from harness.kernel.toolchain import Toolchain
from tests.compiler.machines import AVX2

CONV: dict[str, object] = {
    "name": "conv",
    "sizes": {"n": 1, "ic": 17, "oc": 17, "ih": 6, "iw": 6},
    "tensors": {
        "data": ["n", "ic", "ih", "iw"],
        "weight": ["oc", "ic"],
        "bias": ["oc"],
        "out": ["n", "oc", "ih", "iw"],
    },
    "constant": ["weight", "bias"],
    "statements": [
        "out[n,oc,ih,iw] += data[n,ic,ih,iw] * weight[oc,ic]",
        "out[n,oc,ih,iw] = out[n,oc,ih,iw] + bias[oc] + 1",
    ],
}
# 17 channels in vectors of eight: input and output are padded alike.
CONV_SCHEDULE = (
    "broadcast/vector:oc.8/tile:oc.3+ih_iw.3/order:ih_iw+oc+ic@1+ic/block:ic@1.8/fusion:S1.tile"
    "/layout:bias.A8a+data.aBc8b+out.aBc8b+weight.AB8b8a/unroll:4"
)
ADDING: dict[str, object] = {
    "name": "adding",
    "sizes": {"m": 8, "n": 16, "k": 4},
    "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
    "accumulate": ["c"],
    "statements": ["c[m,n] += a[m,k] * b[k,n]"],
}


def called(
    spec: Mapping[str, object], toolchain: Toolchain, threads: int = 1, schedule: str | None = None
) -> CallableKernel:
    """Of the ranking's first schedule, or of this one."""
    primitive = primitive_from(spec)
    if schedule is None:
        chosen = ranked_schedules(primitive, AVX2, threads, limit=1)[0].schedule
    else:
        chosen = parse_schedule(schedule)
    kernel = compile_schedule(primitive, chosen)
    built = build(kernel.text, kernel.openmp, toolchain)
    assert not isinstance(built, Failure), built
    loaded = LoadedKernel(kernel_spec(kernel, built.path))
    return CallableKernel(primitive, loaded, threads, kernel.schedule, kernel.text)
