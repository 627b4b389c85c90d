"""Problems as benchdnn describes them, every field resolved, and their text."""

from __future__ import annotations

from collections.abc import Sequence
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

    @property
    def tags(self) -> tuple[str, str, str]:
        """Memory formats of source, weights and destination."""
        return ("any", "any", "any")

    @property
    def arguments(self) -> str:
        """`--conv --dir=FWD_I mb1ic3ih224oc64oh112kh7sh2ph3n"stem"`."""
        windows = self.windows
        fields = [("g", self.groups)] if self.groups > 1 else []
        fields += [("mb", self.mb), ("ic", self.ic), *self._each("i", [w.input for w in windows])]
        fields += [("oc", self.oc), *self._each("o", [w.output for w in windows])]
        fields += self._each("k", [w.kernel for w in windows])
        if any(w.stride != 1 for w in windows):
            fields += self._each("s", [w.stride for w in windows])
        fields += self._each("p", [w.before for w in windows])
        if any(w.dilation for w in windows):
            fields += self._each("d", [w.dilation for w in windows])
        text = "".join(f"{key}{value}" for key, value in fields)
        return f"--conv --dir=FWD_I {text}{_named(self.name)}"

    def _each(self, kind: str, values: Sequence[int]) -> list[tuple[str, int]]:
        """The first letter alone where all dimensions are alike: the others follow it."""
        letters = LETTERS[-len(self.windows) :]
        shown = 1 if len(set(self.windows)) == 1 else len(values)
        return [(kind + letter, v) for letter, v in zip(letters[:shown], values, strict=False)]


@dataclass(frozen=True)
class Product:
    """c = a b. The last two dimensions are the matrix, those before it the batch (1 or equal)."""

    name: str
    a: tuple[int, ...]
    b: tuple[int, ...]
    tags: tuple[str, str, str]  # memory formats of a, b and c

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
        told = " ".join(f"--{option}={tag}" for option, tag in options)
        dims = ":".join("x".join(map(str, dims)) for dims in (self.a, self.b))
        return f"--matmul {told} {dims}{_named(self.name)}"


def _named(name: str) -> str:
    return f'n"{name}"' if name else ""
