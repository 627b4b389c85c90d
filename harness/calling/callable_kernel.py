"""A verified kernel as a function: plain arrays in and out, or packed tensors that chain."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.codegen.kernel import ALIGNED, Buffer
from compiler.errors import shown
from compiler.problem.primitive import Primitive, Tensor
from compiler.schedule.layout import Array, Layout, layout_of
from harness.calling.arrays import ArrayError, viewed
from harness.calling.packed_tensor import Form, PackedTensor, aligned, form_of
from harness.calling.team import in_a_team
from harness.errors import HarnessError
from harness.kernel.load import LoadedKernel

Result = Array | PackedTensor
Kept = list[tuple["_Place", Array | PackedTensor]]  # what was given, and what it was packed into


class KernelStays(HarnessError, TypeError):
    """A kernel cannot be copied or go to another process; the message says what can."""


@dataclass(frozen=True)
class _Place:
    """An argument of the kernel: where in its array of pointers, and how it lies in memory."""

    index: int
    tensor: Tensor
    layout: Layout
    form: Form
    plain: bool  # as the caller's own array lies
    flows: bool  # from kernel to kernel: an input that is not constant

    def empty(self) -> PackedTensor:
        return PackedTensor(self.tensor.shape, self.layout, self.form)

    def direct(self, view: Array) -> bool:
        """Whether the kernel can use the caller's array itself."""
        return self.plain and view.ctypes.data % ALIGNED == 0

    def packed(self, given: object) -> PackedTensor:
        """What a caller gives, in this layout. Raises ArrayError."""
        if not isinstance(given, PackedTensor):
            values = viewed(self.tensor, given)
        elif (given.shape, given.layout.dtype) == (self.tensor.shape, self.layout.dtype):
            values = given.unpacked()
        else:
            told = f"must have shape {self.tensor.shape}, got {given!r}"
            raise ArrayError(f"{self.tensor.name}: {told}")
        made = self.empty()
        made.fill(values)
        return made

    def array(self, made: PackedTensor) -> Array:
        """A result for the caller: its memory where it is plain, else a row-major copy."""
        return plain_array(self.tensor, made.buffer) if self.plain else made.unpacked()


class _Frame:
    """What one call at a time needs: the pointers, and workspaces behind some of them."""

    __slots__ = ("address", "pointers", "workspaces")

    def __init__(self, buffers: Sequence[Buffer], threads: int) -> None:
        self.pointers = (ctypes.c_void_p * len(buffers))()
        self.address = ctypes.addressof(self.pointers)
        self.workspaces: list[Array] = []
        for index, buffer in enumerate(buffers):
            if buffer.layout is None:
                held, self.pointers[index] = aligned(buffer.elements_on(threads), buffer.dtype)
                self.workspaces.append(held)


class CallableKernel:
    """`kernel(data, weight)` or `kernel(data=..., weight=...)`: the outputs, in new memory.

    Inputs stand in the order of the primitive's file. Where all of them but constant ones are
    packed tensors so are the outputs; else outputs are arrays of NumPy's. Outputs that are given by
    name (`out=array`, all or none) are written there, and returned; those that start from the
    caller's values must be. An array that lies as the kernel wants it, in its layout and 64-byte
    aligned, is used where it is; others are packed first, as `pack` does ahead of time.

    Several threads of Python may call it at once. Raises ArrayError, which names the argument,
    before anything is written; EnvironmentProblem where OpenMP's threads were lost by a fork.
    Copying and pickling raise KernelStays.
    """

    def __init__(
        self,
        primitive: Primitive,
        loaded: LoadedKernel,
        threads: int,
        schedule: str = "",
        source: str = "",
        verified: Mapping[str, Any] | None = None,
    ) -> None:
        """`source` is C; `verified` says what it was held to, in the fields of `Verified`."""
        self.primitive = primitive
        self.threads = threads
        self.schedule = schedule
        self.source = source
        self.verified = verified or {}
        self._buffers = loaded.buffers
        run = loaded.on_threads(threads)
        self._run = run if threads == 1 else in_a_team(primitive.name, run)
        self._places = {
            buffer.name: _place(primitive.tensor(buffer.name), index, buffer.layout)
            for index, buffer in enumerate(loaded.buffers)
            if buffer.layout is not None
        }
        self._all = tuple(self._places.values())
        self._in = tuple(p for p in self._all if p.tensor.role == "input")
        self._out = tuple(p for p in self._all if p.tensor.role == "output")
        self._starting = any(place.tensor.accumulate for place in self._out)
        self._given = {place.tensor.name for place in self._out}
        self._alone = not any(place.flows for place in self._in)  # nothing to chain to
        self._frames: list[_Frame] = []  # that no call uses now

    @property
    def inputs(self) -> tuple[str, ...]:
        """In the order in which they are given."""
        return tuple(place.tensor.name for place in self._in)

    @property
    def outputs(self) -> tuple[str, ...]:
        """In the order in which they are returned."""
        return tuple(place.tensor.name for place in self._out)

    @property
    def layouts(self) -> dict[str, str]:
        """The tag of each tensor's layout, letters being dimensions of the kernel's own loops."""
        return {name: place.layout.tag() for name, place in self._places.items()}

    def pack(self, name: str, array: object) -> PackedTensor:
        """An array as this kernel wants its tensor `name`. Raises ArrayError."""
        return self._named(name).packed(array)

    def empty(self, name: str) -> Array:
        """An uninitialised array for tensor `name`, aligned as the kernel wants it."""
        tensor = self._named(name).tensor
        return plain_array(tensor, aligned(tensor.elements, tensor.dtype)[0])

    def __call__(self, *inputs: object, **named: object) -> Result | tuple[Result, ...]:
        given: Mapping[str, object] = named
        if (
            self._starting
            or len(inputs) != len(self._in)
            or (named and named.keys() != self._given)
        ):
            inputs, given = self._sorted_out(inputs, named)
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = _Frame(self._buffers, self.threads)
        pointers = frame.pointers
        try:
            kept: Kept = []  # until the kernel has returned
            plain = self._alone
            for number, place in enumerate(self._in):
                array = inputs[number]
                if type(array) is PackedTensor and array.form is place.form:
                    if array.dirty:
                        array.clean()
                    pointers[place.index] = array.address
                else:
                    pointers[place.index] = _taken(place, array, kept)
                    plain = plain or (place.flows and type(array) is not PackedTensor)
            if given:
                return self._into(frame, given, kept)
            made: list[PackedTensor] = []
            for place in self._out:
                result = place.empty()
                pointers[place.index] = result.address
                made.append(result)
            self._run(frame.address)
        finally:
            self._frames.append(frame)
        if plain:
            return _one([place.array(one) for place, one in zip(self._out, made, strict=True)])
        return _one(made)

    def __reduce__(self) -> tuple[Any, ...]:
        raise KernelStays(
            f"{self.primitive.name}: a kernel is code of this process and is neither copied nor "
            "pickled; polydl.kernel(..., schedule=kernel.schedule) makes it in another"
        )

    def __repr__(self) -> str:
        taken = ", ".join(f"{place.tensor.name} {place.tensor.shape}" for place in self._in)
        threads = f" on {self.threads} threads" if self.threads > 1 else ""
        return f"<{self.primitive.name}({taken}) -> {', '.join(self.outputs)}{threads}>"

    def _named(self, name: str) -> _Place:
        if name not in self._places:
            raise ArrayError(f"unknown tensor '{shown(name)}'; known: {', '.join(self._places)}")
        return self._places[name]

    def _sorted_out(
        self, inputs: Sequence[object], named: Mapping[str, object]
    ) -> tuple[tuple[object, ...], Mapping[str, object]]:
        """All inputs in their order, and the outputs that are given by name."""
        if len(inputs) > len(self.inputs):
            listed = ", ".join(self.inputs)
            raise ArrayError(f"takes {len(self.inputs)} inputs ({listed}), got {len(inputs)}")
        arrays = dict(zip(self.inputs, inputs, strict=False))
        for name, array in named.items():
            if self._named(name).tensor.name in arrays:
                raise ArrayError(f"{name}: is given twice")
            arrays[name] = array
        written = self._starting or not self._given.isdisjoint(arrays)
        wanted = self.outputs if written else ()
        for name in (*self.inputs, *wanted):
            if name not in arrays:
                raise ArrayError(f"{name}: is missing")
        return tuple(arrays[name] for name in self.inputs), {n: arrays[n] for n in wanted}

    def _into(
        self, frame: _Frame, given: Mapping[str, object], kept: Kept
    ) -> Result | tuple[Result, ...]:
        """Run with outputs that are the caller's."""
        results: list[Any] = []
        apart: list[tuple[PackedTensor, Array]] = []  # what is written beside where it shall go
        dirty: list[PackedTensor] = []
        for place in self._out:
            result = given[place.tensor.name]
            if isinstance(result, PackedTensor):
                if result.form is not place.form:
                    told = f"the kernel writes {place.tensor.shape} as {place.layout.tag()}"
                    raise ArrayError(f"{place.tensor.name}: {told}, got {result!r}")
                frame.pointers[place.index] = result.address
                dirty.append(result)
            else:
                view = viewed(place.tensor, result, written=True)
                _check_alone(place, view, kept)
                kept.append((place, view))
                if place.direct(view):
                    frame.pointers[place.index] = view.ctypes.data
                else:
                    made = place.packed(view) if place.tensor.accumulate else place.empty()
                    frame.pointers[place.index] = made.address
                    apart.append((made, view))
            results.append(result)
        self._check_apart(frame)
        for result in dirty:
            result.dirty = result.layout.padded
        self._run(frame.address)
        for made, view in apart:
            view[...] = made.unpacked()
        return _one(results)

    def _check_apart(self, frame: _Frame) -> None:
        """What is written shares no memory with anything else that the kernel is given."""
        pointers = frame.pointers
        for one in self._out:
            start = pointers[one.index] or 0
            end = start + one.layout.bytes
            for other in self._all:
                begin = pointers[other.index] or 0
                if begin < end and start < begin + other.layout.bytes and other is not one:
                    told = f"{one.tensor.name}: shares memory with '{other.tensor.name}'"
                    raise ArrayError(told)


def plain_array(tensor: Tensor, buffer: Array) -> Array:
    """A flat buffer of a tensor as it is `stored`, as an array of its shape."""
    stored = buffer.reshape([tensor.shape[d] for d in tensor.stored])
    return stored.transpose(np.argsort(tensor.stored))


def _place(tensor: Tensor, index: int, layout: Layout) -> _Place:
    form, own = form_of(tensor, layout), form_of(tensor, layout_of(tensor))
    flows = tensor.role == "input" and not tensor.constant
    return _Place(index, tensor, layout, form, form is own, flows)


def _taken(place: _Place, array: object, kept: Kept) -> int:
    """The address of an input that is no packed tensor of this kernel's."""
    if not isinstance(array, PackedTensor):
        view = viewed(place.tensor, array)
        kept.append((place, view))
        if place.direct(view):
            return int(view.ctypes.data)
        array = view
    made = place.packed(array)
    kept.append((place, made))
    return made.address


def _check_alone(place: _Place, view: Array, kept: Kept) -> None:
    """An array that is written is none of those given before, be they packed or not."""
    for other, array in kept:
        if isinstance(array, np.ndarray) and np.may_share_memory(view, array):
            raise ArrayError(f"{place.tensor.name}: shares memory with '{other.tensor.name}'")


def _one(results: Sequence[Result]) -> Result | tuple[Result, ...]:
    return results[0] if len(results) == 1 else tuple(results)
