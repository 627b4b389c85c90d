"""A prepared unit on its way to another node: what was compiled travels as bytes."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from harness.failure import Failure
from harness.kernel.build import CCompiler, build, compiler_found
from harness.trial.prepare import prepared_baseline
from harness.trial.prepared import Candidate, Library, PreparedContender, PreparedUnit
from harness.unit import Unit


def packed(prepared: PreparedUnit) -> PreparedUnit:
    """The unit with its compiled kernels as bytes."""
    libraries: dict[str, Library] = {}
    for contender in prepared.contenders:
        for candidate in contender.candidates:
            if candidate.executable is not None and candidate.kernel is not None:
                file = Path(str(candidate.executable["library"]))
                libraries[candidate.kernel] = Library(file.name, file.read_bytes())
    compiler = compiler_found() if libraries else None
    return replace(prepared, libraries=libraries, compiler=compiler)


def landed(prepared: PreparedUnit, unit: Unit, cache_dir: Path) -> PreparedUnit:
    """The whole `unit`, ready to be measured here: libraries put in the cache, baselines ready.

    A node with another compiler or target compiles for itself; what fails there is data.
    """
    own = compiler_found() if prepared.libraries else None
    strategies = (
        _here(contender, prepared, own, cache_dir) if own is not None else contender
        for contender in prepared.contenders
    )
    baselines = (prepared_baseline(contender, unit, cache_dir) for contender in unit.baselines)
    return replace(prepared, unit=unit, contenders=(*strategies, *baselines), libraries={})


def _here(
    contender: PreparedContender, prepared: PreparedUnit, own: CCompiler, cache_dir: Path
) -> PreparedContender:
    if contender.failure is not None:
        return contender
    candidates = tuple(
        candidate
        if candidate.executable is None or candidate.kernel is None
        else _with_library(candidate, candidate.kernel, prepared, own, cache_dir)
        for candidate in contender.candidates
    )
    return replace(contender, candidates=candidates).settled


def _with_library(
    candidate: Candidate, kernel: str, prepared: PreparedUnit, own: CCompiler, cache_dir: Path
) -> Candidate:
    if own == prepared.compiler:
        path = _placed(prepared.libraries[kernel], cache_dir)
    else:
        limit = prepared.unit.measure.compile_seconds
        text = prepared.kernels[kernel]
        built = build(text, candidate.openmp, own, cache_dir, limit)
        if isinstance(built, Failure):
            return replace(candidate, executable=None, failure=built)
        path = built.path
    return replace(candidate, executable={**(candidate.executable or {}), "library": str(path)})


def _placed(library: Library, cache_dir: Path) -> Path:
    """The library's file in this node's cache, by rename where it is new."""
    target = cache_dir / library.name[:2] / library.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=".landing-", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(library.data)
        os.replace(partial, target)
    return target
