"""The rounds of one problem, inputs and what must come of them, as files its contenders share.

A folder holds `manifest.json` and for the i-th round `i.x.input.npy` (row-major, declared shape;
float32, or integers that count a power of two) for each input x, `i.y.expected.npy` (float32 where
it must be met exactly, else float64) for each output y and `i.y.scale.npy` (float32) for each that
need not be. No pickles are read or written.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from compiler.problem.dtypes import F32, DType
from compiler.schedule.layout import Array, Layout

Numbers = npt.NDArray[Any]
Kind = Literal["float", "exact", "negated", "planted", "far"]
MOST_KEPT = 2**26  # bytes of packed copies that a round keeps for the next candidate


@dataclass(frozen=True)
class Inputs:
    """Tensors of one round; a value is the number stored times 2**exponents[name]."""

    stored: Mapping[str, Numbers]
    exponents: Mapping[str, int] = field(default_factory=dict)
    _packed: dict[tuple[str, Layout], Array] = field(default_factory=dict, repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.stored

    def values(self, name: str, dtype: DType = F32) -> Array:
        """A tensor, row-major."""
        stored = self.stored[name]
        exponent = self.exponents.get(name, 0)
        if exponent == 0:
            return np.asarray(stored, dtype.numpy)
        return np.multiply(stored, dtype.numpy(2.0**exponent), dtype=dtype.numpy)

    def packed(self, name: str, layout: Layout) -> Array:
        """A tensor as a kernel wants it; the candidates of a search share small ones."""
        key = (name, layout)
        if key in self._packed:
            return self._packed[key]
        packed = layout.pack(self.values(name, layout.dtype))
        if packed.nbytes + sum(array.nbytes for array in self._packed.values()) <= MOST_KEPT:
            self._packed[key] = packed
        return packed


@dataclass(frozen=True)
class Round:
    """Inputs and what they must give.

    An output with a `scale` may differ by `factor * eps * growth * scale`, in every element, by
    anything where that is infinite; one without must be equal.
    """

    kind: Kind
    inputs: Inputs
    expected: Mapping[str, Numbers]
    scale: Mapping[str, Numbers] = field(default_factory=dict)
    growth: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ProblemData:
    """The float round first. `terms` is how many flow into an output's element.

    `decided` is the share of accumulators that decide an output in some exact round, None without
    accumulators or such rounds; `inexact` says why some output has no exact form.
    """

    shapes: Mapping[str, tuple[int, ...]]  # of the outputs
    rounds: tuple[Round, ...]
    terms: int = 1
    decided: float | None = None
    inexact: str | None = None

    @cached_property
    def timed(self) -> Inputs:
        """What kernels are timed on."""
        return self.rounds[0].inputs


def save(data: ProblemData, folder: Path) -> None:
    """Write a folder by renaming it into place; a complete one that is there already stays."""
    with saving(folder) as kept:
        for one in data.rounds:
            kept.add(one)
        kept.finish(data)


@contextmanager
def saving(folder: Path) -> Iterator[Draft]:
    """A folder to be filled round by round, so that one at a time is held in memory."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".data-", dir=folder.parent) as scratch:
        new = Path(scratch, "data")
        new.mkdir()
        yield Draft(new)
        try:
            os.rename(new, folder)
        except OSError:
            if not (folder / "manifest.json").exists():
                raise


@dataclass
class Draft:
    """A folder that is being written."""

    folder: Path
    _rounds: list[dict[str, object]] = field(default_factory=list)

    def add(self, one: Round) -> None:
        kinds = {"input": one.inputs.stored, "expected": one.expected, "scale": one.scale}
        for kind, arrays in kinds.items():
            for name, values in arrays.items():
                file = self.folder / f"{len(self._rounds)}.{name}.{kind}.npy"
                np.save(file, values, allow_pickle=False)
        self._rounds.append(
            {
                "kind": one.kind,
                "inputs": sorted(one.inputs.stored),
                "exponents": dict(one.inputs.exponents),
                "expected": list(one.expected),
                "growth": dict(one.growth),
            }
        )

    def finish(self, told: ProblemData) -> None:
        """Write what `told` says of the rounds that were added."""
        manifest = {
            "outputs": {name: list(shape) for name, shape in told.shapes.items()},
            "rounds": self._rounds,
            "terms": told.terms,
            "decided": told.decided,
            "inexact": told.inexact,
        }
        (self.folder / "manifest.json").write_text(json.dumps(manifest))


def read(folder: Path) -> ProblemData:
    """The arrays of a folder, mapped into memory rather than copied."""
    manifest = json.loads((folder / "manifest.json").read_text())

    def arrays(number: int, kind: str, names: list[str]) -> dict[str, Numbers]:
        files = {name: folder / f"{number}.{name}.{kind}.npy" for name in names}
        return {
            name: np.load(file, mmap_mode="r", allow_pickle=False) for name, file in files.items()
        }

    return ProblemData(
        shapes={name: tuple(shape) for name, shape in manifest["outputs"].items()},
        rounds=tuple(
            Round(
                one["kind"],
                Inputs(arrays(number, "input", one["inputs"]), one["exponents"]),
                arrays(number, "expected", one["expected"]),
                arrays(number, "scale", list(one["growth"])),
                one["growth"],
            )
            for number, one in enumerate(manifest["rounds"])
        ),
        terms=manifest["terms"],
        decided=manifest["decided"],
        inexact=manifest["inexact"],
    )
