"""Problems as benchdnn describes them, every field resolved, and their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

LETTERS = "dhw"  # of spatial dimensions; a problem of n has the last n


@dataclass(frozen=True)
class Window:
    """One spatial dimension. `dilation` counts from 0: taps are dilation + 1 apart."""

    input: int
    output: int
    kernel: int
    stride: int
    before: int  # padding
    dilation: int

    @property
    def after(self) -> int:
        """Padding behind the image, as it follows from the output; negative for unread rows."""
        reach = (self.kernel - 1) * (self.dilation + 1) + 1
        return (self.output - 1) * self.stride - self.input + reach - self.before


@dataclass(frozen=True)
class Convolution:
    """`ic` and `oc` are channels of all groups together."""

    name: str
    groups: int
    mb: int
    ic: int
    oc: int
    windows: tuple[Window, ...]  # 1 to 3, in the order of LETTERS
    bias: bool = False
    post_ops: str = ""

    @property
    def tags(self) -> tuple[str, str, str]:
        """Memory formats of source, weights and destination."""
        return ("any", "any", "any")

    @property
    def arguments(self) -> str:
        """`--conv --dir=FWD_I mb1ic3ih224oc64oh112kh7sh2ph3n"stem"`."""
        head = [("g", self.groups)] if self.groups > 1 else []
        head += [("mb", self.mb), ("ic", self.ic)]
        text = described(head, self.windows, [("oc", self.oc)])
        direction = "FWD_B" if self.bias else "FWD_I"
        return f"--conv --dir={direction} {told(self.post_ops)}{text}{named(self.name)}"


def described(
    head: Sequence[tuple[str, int]],
    windows: Sequence[Window],
    outputs: Sequence[tuple[str, int]] = (),
) -> str:
    """A descriptor of fields with numbers; `outputs` stand before the output's windows.

    Of dimensions that are all alike the first letter alone is told: the others follow it.
    """
    letters = LETTERS[-len(windows) :]
    shown = windows[:1] if len(set(windows)) == 1 else windows

    def each(kind: str, values: Iterable[int]) -> list[tuple[str, int]]:
        return [(kind + letter, v) for letter, v in zip(letters, values, strict=False)]

    fields = [*head, *each("i", (w.input for w in shown))]
    fields += [*outputs, *each("o", (w.output for w in shown))]
    fields += each("k", (w.kernel for w in shown))
    if any(w.stride != 1 for w in windows):
        fields += each("s", (w.stride for w in shown))
    fields += each("p", (w.before for w in shown))
    if any(w.dilation for w in windows):
        fields += each("d", (w.dilation for w in shown))
    return "".join(f"{key}{value}" for key, value in fields)


@dataclass(frozen=True)
class Product:
    """c = a b. The last two dimensions are the matrix, those before it the batch (1 or equal)."""

    name: str
    a: tuple[int, ...]
    b: tuple[int, ...]
    tags: tuple[str, str, str]  # memory formats of a, b and c
    bias: int | None = None  # a mask of the dimensions of c that it has
    post_ops: str = ""

    @property
    def c(self) -> tuple[int, ...]:
        batch = (max(pair) for pair in zip(self.a[:-2], self.b[:-2], strict=True))
        return (*batch, self.a[-2], self.b[-1])

    @property
    def batch(self) -> int:
        return prod(self.c[:-2])

    @property
    def arguments(self) -> str:
        """`--matmul --stag=abx --wtag=any --dtag=abx 128x768:768x3072n"gemm"`."""
        options = zip(("stag", "wtag", "dtag"), self.tags, strict=True)
        tags = " ".join(f"--{option}={tag}" for option, tag in options)
        bias = "" if self.bias is None else f"--bia_dt=f32 --bia_mask={self.bias} "
        tensors = f"{sizes(self.a)}:{sizes(self.b)}{named(self.name)}"
        return f"--matmul {tags} {bias}{told(self.post_ops)}{tensors}"


def sizes(dims: Sequence[int]) -> str:
    return "x".join(map(str, dims))


def told(post_ops: str) -> str:
    """The option of post-ops in front of a descriptor; nothing where there are none."""
    return f"--attr-post-ops={post_ops} " if post_ops else ""


def named(name: str) -> str:
    return f'n"{name}"' if name else ""
