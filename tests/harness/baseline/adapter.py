"""A baseline's adapter driven through ctypes, as the measuring child does it."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class AdapterError(Exception):
    """The adapter could not be created, or a call returned another status than 0."""


@dataclass(frozen=True)
class Facts:
    implementation: str
    version: str
    layouts: Mapping[str, str]
    # Of several operators in a row:
    form: str = ""
    between: str = ""
    reorders: str = ""
    other_forms: str = ""


class LoadedAdapter:
    """A context manager around one handle."""

    def __init__(self, executable: Mapping[str, object]) -> None:
        self._library = ctypes.CDLL(str(executable["library"]))
        for name in ("create", "describe"):
            restype = ctypes.c_void_p if name == "create" else ctypes.c_char_p
            getattr(self._library, f"polydl_adapter_{name}").restype = restype
        error = ctypes.create_string_buffer(512)
        text = json.dumps(executable["configuration"]).encode()
        handle = self._library.polydl_adapter_create(text, error, ctypes.c_size_t(512))
        if handle is None:
            raise AdapterError(error.value.decode())
        self._handle = ctypes.c_void_p(handle)

    def __enter__(self) -> LoadedAdapter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._library.polydl_adapter_destroy(self._handle)

    def bind(self, tensor: str, values: Array) -> None:
        flat = np.ascontiguousarray(values, np.float32)
        self._check(
            self._library.polydl_adapter_bind(
                self._handle,
                tensor.encode(),
                flat.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_size_t(flat.size),
            )
        )

    def run(self) -> None:
        self._check(self._library.polydl_adapter_run(self._handle))

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        values = np.full(shape, np.nan, np.float32)
        self._check(
            self._library.polydl_adapter_fetch(
                self._handle,
                tensor.encode(),
                values.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_size_t(values.size),
            )
        )
        return values

    def computed(
        self, inputs: Mapping[str, npt.NDArray[np.float64]], out: str, shape: tuple[int, ...]
    ) -> Array:
        """The output of these inputs, bound twice: a second call must not depend on the first."""
        for _ in range(2):
            for name, values in inputs.items():
                self.bind(name, values.astype(np.float32))
            self.run()
        return self.fetch(out, shape)

    def describe(self) -> Facts:
        text = self._library.polydl_adapter_describe(self._handle)
        answer = json.loads(text.decode())
        if "error" in answer:
            raise AdapterError(answer["error"])
        return Facts(**answer)

    def _check(self, status: int) -> None:
        if status != 0:
            self.describe()
            raise AdapterError("no message")
