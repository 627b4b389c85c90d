"""Arrays that a caller hands to a kernel: taken as they lie in memory, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import shown
from compiler.problem.primitive import Tensor
from compiler.schedule.layout import Array
from harness.errors import HarnessError

ON_CPU = (1, 3, 11, 13)  # DLPack's types of devices whose memory a processor reads
DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 12: "oneAPI", 16: "MAIA"}


class ArrayError(HarnessError, ValueError):
    """An array that a kernel cannot take; the message names the argument."""


def viewed(tensor: Tensor, given: object, written: bool = False) -> Array:
    """A NumPy view of an array for this tensor: no copy, and nothing of it is changed.

    Takes what NumPy or DLPack has: of the tensor's shape and type, in the processor's memory,
    lying as the tensor is `stored` (row-major unless its primitive says otherwise). Raises
    ArrayError.
    """
    array = given if isinstance(given, np.ndarray) else _imported(tensor.name, given)
    if isinstance(array, np.ma.MaskedArray):
        raise ArrayError(f"{tensor.name}: a masked array; a kernel would read what is masked")
    wanted = np.dtype(tensor.dtype.numpy)
    if array.dtype != wanted:
        raise ArrayError(f"{tensor.name}: must have dtype {wanted}, got {array.dtype}")
    if array.shape != tensor.shape:
        raise ArrayError(f"{tensor.name}: must have shape {tensor.shape}, got {array.shape}")
    if not array.transpose(tensor.stored).flags.c_contiguous:
        order = "row-major" if tensor.stored == tuple(sorted(tensor.stored)) else "as stored"
        raise ArrayError(
            f"{tensor.name}: its strides {array.strides} are not {order}; "
            "a contiguous copy is (numpy.ascontiguousarray, or its own .contiguous())"
        )
    if not array.flags.aligned:
        raise ArrayError(
            f"{tensor.name}: must be aligned to {wanted.itemsize} bytes, "
            f"its address is {array.ctypes.data:#x}"
        )
    if written and not array.flags.writeable:
        raise ArrayError(f"{tensor.name}: is written, but this array is read-only")
    return array


def _imported(name: str, given: Any) -> Array:
    """By DLPack, without a copy."""
    try:
        if not hasattr(given, "__dlpack__") or not hasattr(given, "__dlpack_device__"):
            kind = shown(type(given).__name__)
            raise ArrayError(f"{name}: a {kind} is no array of NumPy's and has no __dlpack__")
        device = int(given.__dlpack_device__()[0])
        if device in ON_CPU:
            return np.asarray(np.from_dlpack(given))
    except ArrayError:
        raise
    except Exception as error:  # of code that is not ours
        raise ArrayError(f"{name}: cannot be taken by DLPack: {shown(error, 160)}") from error
    where = DEVICES.get(device, f"of DLPack's type {device}")
    raise ArrayError(f"{name}: lies on a device ({where}); a kernel takes the processor's memory")
