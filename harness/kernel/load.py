"""A contender inside the measuring child: a generated kernel or a baseline's adapter, called alike.

An executable travels as JSON (an `ExecutableSpec`): kind `kernel` names a library that exports
`void polydl_kernel(void *const *buffers)` and its buffers; kind `adapter` names a library with the
C functions of harness/baseline/adapter/adapter.h and a configuration; kind `python` names an object
of this project (`module:class`) that makes an Executable of the spec. `numerics` says where the
algorithm is not exact.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compiler.codegen.kernel import SYMBOL, Buffer, Kernel
from compiler.problem.dtypes import DTYPES, F32
from compiler.schedule.layout import Array, Layout
from harness.errors import HarnessError
from harness.kernel.memory import MappedBuffer, Placement
from harness.kernel.problem_data import Inputs
from harness.plugins import loaded

ExecutableSpec = Mapping[str, Any]
ERROR_BYTES = 512
AROUND = 64  # pointers to nothing on both sides of those to the buffers


class LoadError(HarnessError):
    """A library or an adapter that cannot be used, with its own message."""


class Executable(Protocol):
    """`kind` 0 is called as fn(argument) -> void, 1 as fn(argument) -> int, 0 being success.

    `library` is somebody else's, who may sum in another order with each run; `numerics` says why
    its algorithm is not exact where plain sums are, as Winograd's.
    """

    kind: int
    library: bool
    numerics: str | None
    function: int
    argument: int
    outputs: tuple[str, ...]

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        """Give inputs; fill everything else with `garbage`, repeated."""
        ...

    def run(self) -> None: ...

    def share(self, threads: int) -> None:
        """Run on so many threads from now on, where that can be chosen."""
        ...

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        """An output after a run, row-major."""
        ...

    def damage(self) -> str | None:
        """What the runs have changed that is not theirs, or None."""
        ...

    def memory(self) -> list[tuple[str, int, int]]:
        """Name, address and bytes of every buffer that is known to the caller."""
        ...

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        """Name, address and end of a buffer, then of its mapping with the guard pages."""
        ...

    def describe(self) -> dict[str, object]: ...

    def close(self) -> None: ...


def kernel_spec(kernel: Kernel, library: Path) -> dict[str, object]:
    """The JSON form of a generated kernel that was built into `library`."""
    return {"kind": "kernel", "library": str(library), "buffers": [*map(_to_json, kernel.buffers)]}


def buffer_bytes(spec: ExecutableSpec) -> int:
    """Bytes of all buffers of a generated kernel."""
    return sum(_from_json(entry).bytes for entry in spec["buffers"])


def load(spec: ExecutableSpec) -> Executable:
    """Open a library; raises LoadError."""
    if spec["kind"] == "kernel":
        return KernelExecutable(spec)
    if spec["kind"] == "adapter":
        return AdapterExecutable(spec)
    if spec["kind"] == "python":
        made: Executable = loaded({"object": spec["object"]})["object"](spec)
        return made
    raise LoadError(f"executable: unknown kind {spec['kind']!r}; known: kernel, adapter, python")


class LoadedKernel:
    """A generated kernel in this process: what it is called with, and the call itself."""

    def __init__(self, spec: ExecutableSpec) -> None:
        self.buffers = tuple(_from_json(entry) for entry in spec["buffers"])
        library = _library(spec)
        self.function = getattr(library, SYMBOL)  # of the address of an array of pointers
        self.function.restype = None
        self.function.argtypes = (ctypes.c_void_p,)
        self._set_threads = getattr(library, "omp_set_num_threads", None)  # of what it links
        self._threads = getattr(library, "omp_get_max_threads", None)

    @property
    def most_threads(self) -> int:
        """On how many threads a call runs now."""
        return 1 if self._threads is None else int(self._threads())

    def share(self, threads: int) -> None:
        """Calls from this thread of Python run on so many from now on, where that can be chosen."""
        if self._set_threads is not None:
            self._set_threads(threads)

    def on_threads(self, threads: int) -> Callable[[int], None]:
        """The call on so many threads; what OpenMP is set to is left as it was."""
        call: Callable[[int], None] = self.function
        get, put = self._threads, self._set_threads
        if get is None or put is None:
            return call

        def shared(address: int) -> None:
            before = get()
            put(threads)
            try:
                call(address)
            finally:
                put(before)

        return shared


class KernelExecutable:
    """A generated kernel, buffers between guard pages; inputs are packed outside what is timed."""

    kind = 0
    library = False
    numerics: str | None = None

    def __init__(self, spec: ExecutableSpec) -> None:
        self._loaded = LoadedKernel(spec)
        self.buffers = self._loaded.buffers
        self._most_threads = self._loaded.most_threads  # those of this process, whoever shares
        self.outputs = tuple(b.name for b in self.buffers if b.role == "output")
        self.function = ctypes.cast(self._loaded.function, ctypes.c_void_p).value or 0
        # no addresses around those of the buffers: who reads one too many meets a fault
        self._pointers = (ctypes.c_void_p * (len(self.buffers) + 2 * AROUND))()
        self.argument = ctypes.addressof(self._pointers) + AROUND * ctypes.sizeof(ctypes.c_void_p)
        self._memory: list[MappedBuffer] = []
        self._inputs: Inputs | None = None
        self._packed: dict[int, Array] = {}

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        if self._inputs is not inputs:
            self._memory, self._packed, self._inputs = [], {}, inputs  # free, before more is taken
            self._packed = {
                index: inputs.packed(buffer.name, buffer.layout)
                for index, buffer in enumerate(self.buffers)
                if buffer.layout is not None and buffer.name in inputs
            }
        self._memory = []
        for index, buffer in enumerate(self.buffers):
            elements = buffer.elements_on(max(self._most_threads, self._loaded.most_threads))
            held = MappedBuffer(elements, buffer.dtype, placement, index)
            if index in self._packed:
                held.values[:] = self._packed[index]
            elif buffer.role == "input":
                raise LoadError(f"kernel: no values for its input '{buffer.name}'")
            else:
                _fill(held.values, garbage)
            self._memory.append(held)
            self._pointers[AROUND + index] = held.address

    def run(self) -> None:
        self._loaded.function(self.argument)

    def share(self, threads: int) -> None:
        self._loaded.share(threads)

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        for buffer, held in zip(self.buffers, self._memory, strict=True):
            if buffer.name == tensor and buffer.layout is not None:
                return buffer.layout.unpack(held.values).reshape(shape)
        raise LoadError(f"kernel: it has no output '{tensor}'")

    def damage(self) -> str | None:
        for index, (buffer, held) in enumerate(zip(self.buffers, self._memory, strict=True)):
            if not held.intact:
                return f"wrote outside '{buffer.name}'"
            if buffer.role != "input":
                continue
            bits = np.dtype(f"u{buffer.dtype.bytes}")  # as numbers, no NaN is itself
            if not np.array_equal(self._packed[index].view(bits), held.values.view(bits)):
                return f"changed its input '{buffer.name}'"
        return None

    def memory(self) -> list[tuple[str, int, int]]:
        named = zip(self.buffers, self._memory, strict=True)
        return [(buffer.name, held.address, held.bytes) for buffer, held in named]

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        named = zip(self.buffers, self._memory, strict=True)
        return [(b.name, m.address, m.address + m.bytes, *m.mapping) for b, m in named]

    def describe(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        self._memory = []


class AdapterExecutable:
    """A baseline behind the C functions of adapter.h; it owns its memory and its layouts."""

    kind = 1
    library = True

    def __init__(self, spec: ExecutableSpec) -> None:
        self._library = library = _library(spec)
        text = ctypes.c_char_p
        handle = ctypes.c_void_p
        signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
            "create": (handle, (text, text, ctypes.c_size_t)),
            "bind": (ctypes.c_int, (handle, text, handle, ctypes.c_size_t)),
            "run": (ctypes.c_int, (handle,)),
            "fetch": (ctypes.c_int, (handle, text, handle, ctypes.c_size_t)),
            "describe": (text, (handle,)),
            "destroy": (None, (handle,)),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(library, f"polydl_adapter_{name}")
            function.restype, function.argtypes = result, arguments
        message = ctypes.create_string_buffer(ERROR_BYTES)
        configuration = json.dumps(spec.get("configuration", {})).encode()
        created = library.polydl_adapter_create(configuration, message, ERROR_BYTES)
        if not created:
            told = message.value.decode(errors="replace")
            raise LoadError(told or "the adapter could not be created")
        self.argument: int = created
        run = ctypes.cast(library.polydl_adapter_run, ctypes.c_void_p)
        self.function = run.value or 0
        self.outputs: tuple[str, ...] = ()
        self.numerics: str | None = spec.get("numerics")

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        for name in inputs.stored:
            flat = np.ascontiguousarray(inputs.values(name))
            if self._library.polydl_adapter_bind(
                self.argument, name.encode(), flat.ctypes.data, flat.size
            ):
                raise LoadError(self._told(f"the adapter refused its input '{name}'"))

    def share(self, threads: int) -> None:
        pass  # libraries read the environment

    def run(self) -> None:
        status = self._library.polydl_adapter_run(self.argument)
        if status:
            raise LoadError(self._told(f"the adapter's run returned {status}"))

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        values = np.full(shape, np.nan, F32.numpy)  # adapter.h's
        if self._library.polydl_adapter_fetch(
            self.argument, tensor.encode(), values.ctypes.data, values.size
        ):
            raise LoadError(self._told(f"the adapter has no output '{tensor}'"))
        return values

    def damage(self) -> str | None:
        return None

    def memory(self) -> list[tuple[str, int, int]]:
        return []

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        return []

    def describe(self) -> dict[str, object]:
        told = self._library.polydl_adapter_describe(self.argument)
        described: dict[str, object] = json.loads(told.decode()) if told else {}
        return described

    def _told(self, what: str) -> str:
        reason = self.describe().get("error")
        return f"{what}: {reason}" if reason else what

    def close(self) -> None:
        if self.argument:
            self._library.polydl_adapter_destroy(self.argument)
            self.argument = 0


def _fill(values: Array, pattern: Array) -> None:
    """Repeat a pattern to the end; np.resize takes a fifth of a second for a million elements."""
    pattern = pattern.astype(values.dtype)
    whole = len(values) // len(pattern) * len(pattern)
    values[:whole].reshape(-1, len(pattern))[:] = pattern
    values[whole:] = pattern[: len(values) - whole]


def _library(spec: ExecutableSpec) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(spec["library"]))
    except OSError as error:
        raise LoadError(f"cannot load the library: {error}") from error


def _to_json(buffer: Buffer) -> dict[str, object]:
    layout = buffer.layout
    return {
        "name": buffer.name,
        "role": buffer.role,
        "elements": buffer.elements,
        "dtype": buffer.dtype.name,
        "constant": buffer.constant,
        "each_thread": buffer.each_thread,
        "layout": layout
        and {"shape": layout.shape, "order": layout.order, "blocks": layout.blocks},
    }


def _from_json(entry: Mapping[str, Any]) -> Buffer:
    layout, dtype = entry["layout"], DTYPES[entry["dtype"]]
    return Buffer(
        name=entry["name"],
        role=entry["role"],
        elements=entry["elements"],
        dtype=dtype,
        constant=entry["constant"],
        each_thread=entry["each_thread"],
        layout=layout
        and Layout(
            shape=tuple(layout["shape"]),
            order=tuple(layout["order"]),
            blocks=tuple((d, size) for d, size in layout["blocks"]),
            dtype=dtype,
        ),
    )
