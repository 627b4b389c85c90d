"""Problems of benchdnn's drivers beside convolutions and products: told, not read from files.

`tags` are the memory formats that are tried, one after another. Nothing is told of what benchdnn
does by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.benchdnn.problem import Window, described, named, sizes, told


@dataclass(frozen=True)
class Pooling:
    """`ic` channels in and out."""

    name: str
    algorithm: str  # max, avg_np (padding is not counted), avg_p
    mb: int
    ic: int
    windows: tuple[Window, ...]
    tags: tuple[str, ...]
    post_ops: str = ""

    @property
    def arguments(self) -> str:
        """`--pool --dir=FWD_I --tag=abx,axb --alg=max mb1ic64ih112oh56kh3sh2ph1n"pool"`."""
        text = described([("mb", self.mb), ("ic", self.ic)], self.windows)
        options = f"--dir=FWD_I {_tags('tag', self.tags)} --alg={self.algorithm}"
        return f"--pool {options} {told(self.post_ops)}{text}{named(self.name)}"


@dataclass(frozen=True)
class Elementwise:
    """A function of every element. Defaults of its parameters differ between versions."""

    name: str
    algorithm: str
    alpha: str
    beta: str
    dims: tuple[int, ...]
    tags: tuple[str, ...]
    post_ops: str = ""

    @property
    def arguments(self) -> str:
        """`--eltwise --dir=FWD_I --tag=abx --alg=exp --alpha=0 --beta=0 128x3072n"exp"`."""
        function = f"--alg={self.algorithm} --alpha={self.alpha} --beta={self.beta}"
        options = f"--dir=FWD_I {_tags('tag', self.tags)} {function}"
        return f"--eltwise {options} {told(self.post_ops)}{sizes(self.dims)}{named(self.name)}"


@dataclass(frozen=True)
class Binary:
    """A function of the elements of two tensors; the second is repeated where it has length 1."""

    name: str
    algorithm: str
    one: tuple[int, ...]
    other: tuple[int, ...]
    tags: tuple[str, ...]  # of both, as ONE:OTHER
    post_ops: str = ""

    @property
    def arguments(self) -> str:
        """`--binary --stag=abx:abx --alg=add 128x3072:1x3072n"bias"`."""
        options = f"{_tags('stag', self.tags)} --alg={self.algorithm}"
        dims = f"{sizes(self.one)}:{sizes(self.other)}"
        return f"--binary {options} {told(self.post_ops)}{dims}{named(self.name)}"


@dataclass(frozen=True)
class Softmax:
    """Along the last dimension."""

    name: str
    dims: tuple[int, ...]
    tags: tuple[str, str]  # of source and destination

    @property
    def arguments(self) -> str:
        """`--softmax --dir=FWD_I --stag=abx --dtag=abx --axis=1 128x1000n"softmax"`."""
        source, destination = self.tags
        options = f"--dir=FWD_I --stag={source} --dtag={destination} --axis={len(self.dims) - 1}"
        return f"--softmax {options} {sizes(self.dims)}{named(self.name)}"


@dataclass(frozen=True)
class LayerNorm:
    """Along the last dimension. Epsilon is benchdnn's own, 1/16: no option tells it."""

    name: str
    dims: tuple[int, ...]
    tags: tuple[str, str]  # of source and destination
    scale: bool
    shift: bool

    @property
    def arguments(self) -> str:
        """`--lnorm --dir=FWD_I --tag=abx:abx --flags=CH 128x768n"norm"`."""
        flags = "C" * self.scale + "H" * self.shift
        options = ["--dir=FWD_I", f"--tag={':'.join(self.tags)}"]
        options += [f"--flags={flags}"] if flags else []
        return f"--lnorm {' '.join(options)} {sizes(self.dims)}{named(self.name)}"


def _tags(option: str, tags: Sequence[str]) -> str:
    return f"--{option}={','.join(tags)}"
