"""What oneDNN itself says of a problem's sizes, by descriptors made in its library."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache

from harness.baseline.baseline import Missing
from harness.baseline.onednn.onednn import OneDnn
from harness.benchdnn.problem import Convolution, Product
from harness.kernel.toolchain import Toolchain

# Of oneDNN 3: dnnl_types.h and dnnl_common_types.h.
_SUCCESS, _INVALID = 0, 2
_CPU, _F32, _ANY, _INFERENCE, _DIRECT = 1, 3, 1, 96, 1

Pointer = ctypes.c_void_p


@cache
def library(toolchain: Toolchain) -> tuple[ctypes.CDLL, Pointer]:
    """The library that the baseline measures, and an engine."""
    found = OneDnn(toolchain).available()
    assert not isinstance(found, Missing), found
    assert found.version.startswith("3."), found.version
    dnnl, engine = ctypes.CDLL(found.facts["onednn_library"]), Pointer()
    assert dnnl.dnnl_engine_create(ctypes.byref(engine), _CPU, ctypes.c_size_t(0)) == _SUCCESS
    return dnnl, engine


def takes(toolchain: Toolchain, problem: Convolution | Product, output: Sequence[int]) -> bool:
    """Whether oneDNN makes a primitive's descriptor with an output of these dimensions."""
    dnnl, engine = library(toolchain)
    made = Pointer()
    if isinstance(problem, Product):
        tensors = [_memory(dnnl, dims) for dims in (problem.a, problem.b)]
        status = dnnl.dnnl_matmul_primitive_desc_create(
            *(ctypes.byref(made), engine, *tensors, None, _memory(dnnl, output), None)
        )
    else:
        windows = problem.windows
        status = dnnl.dnnl_convolution_forward_primitive_desc_create(
            *(ctypes.byref(made), engine, _INFERENCE, _DIRECT),
            _memory(dnnl, [problem.mb, problem.ic, *(w.input for w in windows)]),
            _memory(dnnl, _weights(problem)),
            *(None, _memory(dnnl, output)),
            *(_dims([getattr(w, key) for w in windows]) for key in ("stride", "dilation")),
            *(_dims([getattr(w, key) for w in windows]) for key in ("before", "after")),
            None,
        )
    assert status in (_SUCCESS, _INVALID), status
    return bool(status == _SUCCESS)


def _weights(problem: Convolution) -> list[int]:
    groups = problem.groups
    taps = [w.kernel for w in problem.windows]
    head = [groups] if groups > 1 else []
    return [*head, problem.oc // groups, problem.ic // groups, *taps]


def _memory(dnnl: ctypes.CDLL, dims: Sequence[int]) -> Pointer:
    made = Pointer()
    status = dnnl.dnnl_memory_desc_create_with_tag(
        ctypes.byref(made), len(dims), _dims(dims), _F32, _ANY
    )
    assert status == _SUCCESS, (status, dims)
    return made


def _dims(values: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    return (ctypes.c_int64 * 12)(*values)
