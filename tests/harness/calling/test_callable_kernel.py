"""Kernels as functions: right on every array, refused by name, safe from several threads."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pyarrow
import pytest

from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.schedule.layout import Array
from harness.calling.arrays import ArrayError
from harness.calling.callable_kernel import CallableKernel, KernelStays
from harness.calling.packed_tensor import PackedTensor
from harness.kernel.toolchain import Toolchain
from tests.harness.calling.kernels import ADDING, CONV, CONV_SCHEDULE, called
from tests.harness.matmul_kernels import SPEC as MATMUL

Arrays = dict[str, Array]


class Exported:
    """An array of somebody else's, of which only DLPack is known."""

    def __init__(self, array: Array, device: int = 1) -> None:
        self.array = array
        self.device = device

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


class Broken:
    """What claims to have DLPack, and fails in ways of its own."""

    def __init__(self, device: object, error: type[Exception]) -> None:
        self.device = device
        self.error = error

    def __dlpack__(self, **options: object) -> object:
        raise self.error("as it likes")

    def __dlpack_device__(self) -> object:
        return self.device


@pytest.fixture(scope="module")
def conv(toolchain: Toolchain) -> CallableKernel:
    return called(CONV, toolchain, schedule=CONV_SCHEDULE)


@pytest.fixture(scope="module")
def product(toolchain: Toolchain) -> CallableKernel:
    kernel = called(MATMUL, toolchain)
    assert kernel._places["a"].plain
    assert kernel._places["c"].plain
    return kernel


def inputs_of(kernel: CallableKernel, seed: int = 0) -> Arrays:
    return {n: np.asarray(v, np.float32) for n, v in random_inputs(kernel.primitive, seed).items()}


def expected(kernel: CallableKernel, inputs: Arrays) -> Array:
    (output,) = reference(kernel.primitive, inputs).values()
    return output


def close(one: object, other: Array) -> bool:
    return np.allclose(np.asarray(one), other, rtol=1e-5, atol=1e-5)


def test_plain_arrays_by_place_and_by_name(conv: CallableKernel) -> None:
    inputs = inputs_of(conv)
    found = conv(*(inputs[name] for name in conv.inputs))
    assert isinstance(found, np.ndarray)
    assert close(found, expected(conv, inputs))
    assert close(conv(**inputs), expected(conv, inputs))


def test_what_has_dlpack_alone(conv: CallableKernel) -> None:
    inputs = inputs_of(conv)
    taken = {name: Exported(array) for name, array in inputs.items()}
    taken["bias"] = pyarrow.array(inputs["bias"])
    out = conv.empty("out")
    assert conv(**taken, out=Exported(out)) is not None
    assert close(out, expected(conv, inputs))


def test_packed_tensors_chain(conv: CallableKernel) -> None:
    """The second one is given zeros in lanes that the first one may have left full of anything."""
    inputs = inputs_of(conv)
    packed = {name: conv.pack(name, array) for name, array in inputs.items()}
    first = conv(**packed)
    assert isinstance(first, PackedTensor)
    once = np.asarray(first)
    assert close(once, expected(conv, inputs))
    lanes = conv.pack("out", np.ones_like(once)).buffer == 0
    assert lanes.any()
    first.buffer[lanes] = np.nan
    again = conv(first, packed["weight"], packed["bias"])
    assert (first.buffer[lanes] == 0).all()
    assert isinstance(again, PackedTensor)
    wanted = expected(conv, {**inputs, "data": once})
    assert np.allclose(np.asarray(again), wanted, rtol=1e-4, atol=1e-4)


def test_a_tensor_that_another_kernel_packed(conv: CallableKernel, toolchain: Toolchain) -> None:
    """In another layout it is packed again; an array and a packed tensor may stand together."""
    other, inputs = called(CONV, toolchain), inputs_of(conv)
    assert other.layouts["data"] != conv.layouts["data"]
    data, weight = other.pack("data", inputs["data"]), conv.pack("weight", inputs["weight"])
    found = conv(data, weight, inputs["bias"])
    assert isinstance(found, PackedTensor)
    assert close(found, expected(conv, inputs))
    with pytest.raises(ArrayError, match=r"weight: must have shape \(17, 17\), got <packed tensor"):
        conv(data, data, inputs["bias"])


def test_what_lies_right_is_not_copied(product: CallableKernel) -> None:
    a, c = product.empty("a"), product.empty("c")
    inputs = inputs_of(product)
    a[:] = inputs["a"]
    assert product(a, inputs["b"], c=c) is c
    assert close(c, expected(product, inputs))
    view = product(a, product.pack("b", inputs["b"]))
    assert isinstance(view, np.ndarray)
    assert view.base is not None  # the kernel's own output, no copy of it
    away = np.empty(a.size + 1, np.float32)[1:].reshape(a.shape)
    away[:] = a
    assert close(product(away, inputs["b"]), c)


def test_an_output_may_be_the_callers(conv: CallableKernel) -> None:
    inputs = inputs_of(conv)
    wanted = expected(conv, inputs)
    whole = np.full((2, *wanted.shape), 7.0, np.float32)
    assert conv(**inputs, out=whole[1]) is not None
    assert close(whole[1], wanted)
    assert (whole[0] == 7.0).all()
    packed = conv.pack("out", whole[0])
    assert conv(**inputs, out=packed) is packed
    assert close(packed, wanted)


def test_an_output_that_starts_from_the_callers_values(toolchain: Toolchain) -> None:
    kernel = called(ADDING, toolchain)
    inputs = inputs_of(kernel)
    wanted = expected(kernel, inputs)
    for given in (inputs["c"].copy(), kernel.pack("c", inputs["c"])):
        assert kernel(inputs["a"], inputs["b"], c=given) is given
        assert close(given, wanted)
    with pytest.raises(ArrayError, match="c: is missing"):
        kernel(inputs["a"], inputs["b"])


def bad_arrays() -> list[tuple[str, Callable[[Arrays], dict[str, object]]]]:
    """What is told, and the arguments that are given then."""
    return [
        ("bias: is missing", lambda x: {"data": x["data"], "weight": x["weight"]}),
        ("unknown tensor 'wieght'; known: data", lambda x: {**x, "wieght": x["weight"]}),
        (
            "data: must have shape (1, 17, 6, 6), got (1, 5, 6, 6)",
            lambda x: {**x, "data": x["data"][:, :5]},
        ),
        (
            "data: must have dtype float32, got float64",
            lambda x: {**x, "data": x["data"].astype("f8")},
        ),
        ("weight: its strides (4, 68) are not row-major", lambda x: {**x, "weight": x["weight"].T}),
        ("bias: must be aligned to 4 bytes", lambda x: {**x, "bias": misaligned(x["bias"])}),
        ("bias: a list is no array of NumPy's", lambda x: {**x, "bias": [0.0] * 17}),
        ("data: lies on a device (CUDA)", lambda x: {**x, "data": Exported(x["data"], 2)}),
        (
            "data: must have dtype float32",
            lambda x: {**x, "data": Exported(x["data"].astype("f8"))},
        ),
        (
            "data: cannot be taken by DLPack",
            lambda x: {**x, "data": Exported(x["data"].astype("O"))},
        ),
        ("data: a masked array", lambda x: {**x, "data": np.ma.masked_less(x["data"], 0)}),
        ("data: must have dtype float32", lambda x: {**x, "data": x["data"].astype(">f4")}),
        ("data: its strides", lambda x: {**x, "data": np.asfortranarray(x["data"])}),
        ("bias: must have shape (17,), got (0,)", lambda x: {**x, "bias": x["bias"][:0]}),
        (
            "data: cannot be taken by DLPack: as it likes",
            lambda x: {**x, "data": Broken((1, 0), ZeroDivisionError)},
        ),
        ("data: cannot be taken by DLPack", lambda x: {**x, "data": Broken((), KeyError)}),
        ("out: is written, but this array is read-only", lambda x: {**x, "out": frozen(x["data"])}),
        ("out: must have shape", lambda x: {**x, "out": x["bias"]}),
    ]


def misaligned(array: Array) -> Array:
    raw = np.zeros(array.nbytes + 1, np.uint8)
    return raw[1:].view(array.dtype).reshape(array.shape)


def frozen(array: Array) -> Array:
    other = array.copy()
    other.flags.writeable = False
    return other


@pytest.mark.parametrize(
    ("told", "given"), bad_arrays(), ids=lambda x: x if isinstance(x, str) else ""
)
def test_what_a_kernel_cannot_take_is_named(
    told: str, given: Callable[[Arrays], dict[str, object]], conv: CallableKernel
) -> None:
    inputs = inputs_of(conv)
    arguments = given(inputs)
    out = arguments.setdefault("out", np.full((1, 17, 6, 6), 7.0, np.float32))
    with pytest.raises(ArrayError) as caught:
        conv(**arguments)
    assert told in str(caught.value)
    assert out is not inputs["bias"] or (out == inputs_of(conv)["bias"]).all()
    if isinstance(out, np.ndarray) and out.flags.writeable and out.size > 17:
        assert (out == 7.0).all()


def test_memory_that_is_written_is_nothing_elses(
    product: CallableKernel, toolchain: Toolchain
) -> None:
    square = called({**MATMUL, "sizes": {"m": 8, "n": 8, "k": 8}}, toolchain)
    a = square.empty("a")
    with pytest.raises(ArrayError, match="c: shares memory with 'a'"):
        square(a, a.copy(), c=a)
    away = np.empty(a.size + 1, np.float32)[1:].reshape(a.shape)  # packed before, written after
    with pytest.raises(ArrayError, match="c: shares memory with 'a'"):
        square(away, a, c=away)
    with pytest.raises(ArrayError, match=r"takes 2 inputs \(a, b\), got 3"):
        square(a, a, a)
    with pytest.raises(ArrayError, match="a: is given twice"):
        square(a, a, a=a)
    with pytest.raises(ArrayError, match="c: the kernel writes"):
        square(a, a, c=product.pack("c", np.zeros((7, 16), np.float32)))


def test_a_kernel_stays_where_it_is(conv: CallableKernel) -> None:
    ways: tuple[Callable[[object], object], ...] = (pickle.dumps, copy.copy, copy.deepcopy)
    for away in ways:
        with pytest.raises(KernelStays, match="conv: a kernel is code of this process") as caught:
            away(conv)
        assert len(str(caught.value).splitlines()) == 1


def test_copies_of_a_packed_tensor_have_memory_of_their_own(conv: CallableKernel) -> None:
    inputs = inputs_of(conv)
    wanted = np.asarray(conv(**inputs))
    packed = conv.pack("data", inputs["data"])
    copies = [copy.copy(packed), copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))]
    packed.buffer[:] = np.nan
    assert len({one.address for one in (packed, *copies)}) == 4
    for one in copies:
        assert one.form is packed.form
        assert one.address == one.buffer.ctypes.data
        assert close(conv(one, inputs["weight"], inputs["bias"]), wanted)
    left = conv(copies[0], conv.pack("weight", inputs["weight"]), inputs["bias"])
    assert isinstance(left, PackedTensor) and copy.copy(left).dirty


def test_several_threads_of_python_call_one_kernel(toolchain: Toolchain) -> None:
    """With a workspace, which each call must have alone, and threads of OpenMP."""
    spec = {**MATMUL, "sizes": {"m": 64, "n": 96, "k": 50}}
    kernel = called(spec, toolchain, threads=2)
    rounds = [inputs_of(kernel, seed) for seed in range(4)]
    wanted = [expected(kernel, inputs) for inputs in rounds]

    def calls(number: int) -> bool:
        inputs = rounds[number % 4]
        return all(close(kernel(**inputs), wanted[number % 4]) for _ in range(50))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(calls, range(8)))
    assert len(kernel._frames) <= 4


def test_calls_leave_nothing(product: CallableKernel) -> None:
    leaving = left_by(product, 400)
    assert abs(leaving) < 2_000  # bytes: five for a call


def left_by(kernel: CallableKernel, calls: int) -> int:
    """Bytes that are held after so many calls of every kind, and were not before."""
    inputs = inputs_of(kernel)
    packed = {name: kernel.pack(name, array) for name, array in inputs.items()}
    out = kernel.empty("c")
    tracemalloc.start()
    try:
        for number in range(2 * calls):
            if number == calls:
                before, _ = tracemalloc.get_traced_memory()
            kernel(**packed)
            kernel(**inputs)
            kernel(**inputs, c=out)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.soak
def test_a_million_calls_leave_nothing(product: CallableKernel) -> None:
    packed = [product.pack(name, array) for name, array in inputs_of(product).items()]
    process = psutil.Process()
    for number in range(1_100_000):
        if number == 100_000:
            before = process.memory_info().rss
        product(*packed)
    assert process.memory_info().rss - before < 1 << 20
