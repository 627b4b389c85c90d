"""Inputs, reference result and error bound of one problem, as .npy files shared by its contenders.

A folder holds `manifest.json` and, for an input `x`, `x.input.npy` (fp32, row-major, declared
shape); for an output `y`, `y.expected.npy` and `y.magnitude.npy` (float64), in full, or at the
rows of `y.points.npy` (int64, one index per dimension) where the problem is too big to compute in
full. No pickles are read or written.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.schedule.layout import Array

Float64 = npt.NDArray[np.float64]
Points = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProblemData:
    """`expected` and `magnitude` have the output's shape, or one value for each row of `points`."""

    inputs: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]  # of the outputs
    expected: Mapping[str, Float64]
    magnitude: Mapping[str, Float64]
    points: Mapping[str, Points | None]
    reduction_length: int


def save(data: ProblemData, folder: Path) -> None:
    """Write a folder by renaming it into place; a complete one that is there already stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".data-", dir=folder.parent) as scratch:
        new = Path(scratch, "data")
        new.mkdir()
        kinds: dict[str, Mapping[str, Any]] = {
            "input": data.inputs,
            "expected": data.expected,
            "magnitude": data.magnitude,
            "points": {name: p for name, p in data.points.items() if p is not None},
        }
        for kind, arrays in kinds.items():
            for name, values in arrays.items():
                np.save(new / f"{name}.{kind}.npy", values, allow_pickle=False)
        manifest = {
            "inputs": sorted(data.inputs),
            "outputs": {name: list(shape) for name, shape in data.shapes.items()},
            "sampled": sorted(kinds["points"]),
            "reduction_length": data.reduction_length,
        }
        (new / "manifest.json").write_text(json.dumps(manifest))
        try:
            os.rename(new, folder)
        except OSError:
            if not (folder / "manifest.json").exists():
                raise


def read(folder: Path) -> ProblemData:
    """The arrays of a folder, mapped into memory rather than copied."""
    manifest = json.loads((folder / "manifest.json").read_text())
    outputs = manifest["outputs"]

    def array(name: str, kind: str) -> Any:
        return np.load(folder / f"{name}.{kind}.npy", mmap_mode="r", allow_pickle=False)

    return ProblemData(
        inputs={name: array(name, "input") for name in manifest["inputs"]},
        shapes={name: tuple(shape) for name, shape in outputs.items()},
        expected={name: array(name, "expected") for name in outputs},
        magnitude={name: array(name, "magnitude") for name in outputs},
        points={
            name: array(name, "points") if name in manifest["sampled"] else None for name in outputs
        },
        reduction_length=manifest["reduction_length"],
    )
