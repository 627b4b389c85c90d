"""Pooling: the largest, or the average, of a window that slides over an image.

out = max(out, data[n, c, o*stride + k*dilation - before ..])   max
out += data[...], then out * (1/(kh*kw))                        avg_include_padding
out += data[...], then out / (rows[oh]*columns[ow])             avg_exclude_padding

`rows` and `columns` are sums of ones over the same windows: they count what lies inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isclose, prod
from typing import Literal

from compiler.problem.primitive import Access, Primitive, Read, reads_of
from harness.baseline.recognition.elementwise import broadcast, started
from harness.baseline.recognition.normal_form import NUMBERS_AGREE
from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp, post_ops_of
from harness.baseline.recognition.values import Followed, Reduced, loops_of, renamed
from harness.baseline.recognition.views import (
    Unrecognised,
    View,
    is_loop,
    view_of,
)
from harness.baseline.recognition.windows import Window, data_view, window_of

Algorithm = Literal["max", "avg_include_padding", "avg_exclude_padding"]


@dataclass(frozen=True)
class Pooling:
    """`out` after the steps, none for most; padding and `dilation` as for a convolution."""

    data: View  # n, c, spatial...
    out: View
    algorithm: Algorithm
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    steps: tuple[PostOp, ...]
    primitive: Primitive
    axes: tuple[str | None, ...]
    counting: tuple[str, ...]  # tensors of ones, of which nothing more is read

    def operand(self, access: Access) -> View:
        """A step's tensor with the dimensions of `out`, of length 1 where it has none."""
        return broadcast(self.primitive, access, self.axes)


def recognise_pooling(primitive: Primitive, found: Followed) -> Pooling:
    """Raises Unrecognised."""
    counts = {name for name, r in found.reduced.items() if _counts(primitive, r)}
    others = {name: r for name, r in found.reduced.items() if name not in counts}
    if len(others) != 1:
        raise Unrecognised(f"{len(others)} reductions, a pooling has one")
    ((name, pooled),) = others.items()
    read = [a for a in dict.fromkeys(reads_of(found.value)) if a.tensor == name]
    if len(read) != 1 or not isinstance(pooled.value, Read) or pooled.reduction == "min":
        raise Unrecognised("no maximum and no sum of a tensor's elements")
    # From here on in the loops of the output; the taps keep their names.
    loops = dict(zip(pooled.kept, loops_of(read[0]), strict=True))
    data = _in_loops(pooled.value.access, loops)
    outside = float("-inf") if pooled.reduction == "max" else 0.0
    head, windows = _roles(primitive, data, set(found.loops), set(pooled.over), outside)
    axes = (head[0], head[1], *(w.pixel for w in windows))
    if set(found.loops) != {axis for axis in axes if axis}:
        raise Unrecognised("the output has other loops than the windows")
    algorithm: Algorithm = "max"
    steps = post_ops_of(started(found.value, read[0]))
    if pooled.reduction == "add":
        counted = _Counted(primitive, found.reduced, counts, windows)
        algorithm, steps = _averaged(steps, counted)
    pooling = Pooling(
        data_view(primitive, data, [head[0], None, head[1]], windows),
        view_of(primitive, found.access, axes),
        algorithm,
        tuple(_taps(primitive, w) for w in windows),
        tuple(w.stride for w in windows),
        tuple(w.dilation for w in windows),
        tuple(w.before for w in windows),
        tuple(w.after for w in windows),
        steps,
        primitive,
        axes,
        tuple(sorted({_tensor(found.reduced[name]) for name in counts})),
    )
    for step in steps:
        if not isinstance(step, Eltwise):
            pooling.operand(step.operand)
    return pooling


def _counts(primitive: Primitive, reduced: Reduced) -> bool:
    """Whether it sums ones, and zeros around them."""
    if reduced.reduction != "add" or not isinstance(reduced.value, Read):
        return False
    tensor = primitive.tensor(reduced.value.access.tensor)
    return tensor.values is not None and set(tensor.values) == {1.0} and tensor.outside in (0, None)


def _tensor(reduced: Reduced) -> str:
    assert isinstance(reduced.value, Read)
    return reduced.value.access.tensor


def _in_loops(access: Access, loops: Mapping[str, str]) -> Access:
    read = renamed(Read(access), loops)
    assert isinstance(read, Read)
    return read.access


def _taps(primitive: Primitive, window: Window) -> int:
    return primitive.extent(window.tap) if window.tap else 1


def _roles(
    primitive: Primitive, data: Access, kept: set[str], over: set[str], outside: float
) -> tuple[tuple[str | None, str | None], list[Window]]:
    """The loops of images and channels, and the windows in the order of their dimensions."""
    tensor = primitive.tensor(data.tensor)
    head: list[str] = []
    windows: list[Window] = []
    for d, index in enumerate(data.indices):
        loop = index.loops[0] if is_loop(index) else None
        whole = loop is not None and primitive.extent(loop) == tensor.shape[d]
        if loop is not None and whole and loop in kept:
            head.append(loop)
        elif loop is not None and whole and loop in over:
            windows.append(Window(d, tensor.shape[d], 0, None, loop, 1, 1, 0, 0))
        else:
            pixels, taps = frozenset(kept), frozenset(over)
            windows.append(window_of(primitive, tensor, d, index, pixels, taps, outside))
    if len(head) > 2 or not 1 <= len(windows) <= 3:
        raise Unrecognised(f"{len(head)} dimensions without and {len(windows)} with a window")
    if {w.tap for w in windows if w.tap} != over:
        raise Unrecognised("a loop is reduced over that no window has")
    for window in windows:
        if not _always_inside(primitive, window):
            raise Unrecognised("a window lies in the padding alone")
    images = head[0] if len(head) == 2 else None
    return (images, head[-1] if head else None), windows


def _always_inside(primitive: Primitive, w: Window) -> bool:
    """Whether every window has a tap on the image."""
    for pixel in range(primitive.extent(w.pixel) if w.pixel else 1):
        first = pixel * w.stride - w.before
        tap = max(0, -(first // w.dilation))  # the first one that is not before the image
        if tap >= _taps(primitive, w) or first + tap * w.dilation >= w.length:
            return False
    return True


@dataclass(frozen=True)
class _Counted:
    primitive: Primitive
    reduced: Mapping[str, Reduced]
    names: set[str]
    windows: list[Window]

    def dimensions(self, access: Access) -> set[int]:
        """The windows that a count at these loops is of. Raises Unrecognised."""
        reduced = self.reduced[access.tensor]
        assert isinstance(reduced.value, Read)
        ones = _in_loops(
            reduced.value.access, dict(zip(reduced.kept, loops_of(access), strict=True))
        )
        tensor = self.primitive.tensor(ones.tensor)
        pixels, taps = frozenset(loops_of(access)), frozenset(reduced.over)
        found: set[int] = set()
        for d, index in enumerate(ones.indices):
            one = window_of(self.primitive, tensor, d, index, pixels, taps, 0.0)
            same = [k for k, w in enumerate(self.windows) if self._same(w, one)]
            if len(same) != 1:
                raise Unrecognised(f"{access.tensor} counts other windows than are summed")
            found.add(same[0])
        return found

    def _same(self, one: Window, other: Window) -> bool:
        alike = replace(one, dimension=0, tap=None) == replace(other, dimension=0, tap=None)
        return alike and _taps(self.primitive, one) == _taps(self.primitive, other)


def _averaged(steps: tuple[PostOp, ...], counted: _Counted) -> tuple[Algorithm, tuple[PostOp, ...]]:
    """The average that a sum and its first steps are, and the steps behind it."""
    left = set(range(len(counted.windows)))
    rest = list(steps)
    for step in steps:
        if isinstance(step, Binary) and step.operand.tensor in counted.names:
            if step.function != "div":
                raise Unrecognised("a count of a window does anything but divide")
            dimensions = counted.dimensions(step.operand)
            if not dimensions <= left:
                raise Unrecognised("a window is divided by twice")
            left -= dimensions
            rest.remove(step)
        elif not (isinstance(step, Binary) and step.function in ("mul", "div")):
            break
    exclude = len(left) < len(counted.windows)
    if any(isinstance(s, Binary) and s.operand.tensor in counted.names for s in rest):
        raise Unrecognised("a count of a window comes after other steps")
    for k in left if exclude else ():
        if counted.windows[k].before > 0 or counted.windows[k].after > 0:
            raise Unrecognised("padding is counted along one dimension alone")
    members = prod(_taps(counted.primitive, counted.windows[k]) for k in left)
    algorithm: Algorithm = "avg_exclude_padding" if exclude else "avg_include_padding"
    return algorithm, _without_factor(rest, members)


def _without_factor(steps: Iterable[PostOp], members: int) -> tuple[PostOp, ...]:
    """The steps without the factor of 1/members that makes a sum an average."""
    if members == 1:
        return tuple(steps)
    found: list[PostOp] = []
    pending = True
    for step in steps:
        if pending and isinstance(step, Eltwise):
            if step.function != "linear" or not isclose(
                step.alpha * members, 1, rel_tol=NUMBERS_AGREE
            ):
                break
            pending = False
            found += [Eltwise("linear", 1.0, step.beta)] if step.beta else []
        elif pending and not (isinstance(step, Binary) and step.function in ("mul", "div")):
            break
        else:
            found.append(step)
    if pending:
        raise Unrecognised("a sum over windows; what is known are maxima and averages")
    return tuple(found)
