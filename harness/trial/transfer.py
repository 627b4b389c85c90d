"""A prepared unit on its way to another node: what was compiled travels as bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.baseline.product_library import build_kernel
from harness.failure import Failure
from harness.kernel.library import NoLibrary, keep_library, library_bytes
from harness.kernel.toolchain import Toolchain
from harness.own_files import private_folder
from harness.trial.prepare import prepared_baseline
from harness.trial.prepared import Candidate, Library, PreparedContender, PreparedUnit
from harness.unit import Unit


def packed(prepared: PreparedUnit, toolchain: Toolchain) -> PreparedUnit:
    """The unit with its compiled kernels as bytes."""
    libraries: dict[str, Library] = {}
    for contender in prepared.contenders:
        for candidate in contender.candidates:
            if candidate.executable is not None and candidate.kernel is not None:
                file = Path(str(candidate.executable["library"]))
                held = library_bytes(file)
                if held is None:
                    raise OSError(f"{file} went from the cache")  # the unit is prepared again
                libraries[candidate.kernel] = Library(file.name, held)
    compiler = toolchain.compiler if libraries else None
    return replace(prepared, libraries=libraries, compiler=compiler)


def landed(prepared: PreparedUnit, unit: Unit, toolchain: Toolchain) -> PreparedUnit:
    """The whole `unit`, ready to be measured here: libraries put in the cache, baselines ready.

    A node with another compiler or target compiles for itself; what fails there is data.
    """
    strategies = (
        _here(contender, prepared, toolchain) if prepared.libraries else contender
        for contender in prepared.contenders
    )
    baselines = (prepared_baseline(contender, unit, toolchain) for contender in unit.baselines)
    return replace(prepared, unit=unit, contenders=(*strategies, *baselines), libraries={})


def _here(
    contender: PreparedContender, prepared: PreparedUnit, toolchain: Toolchain
) -> PreparedContender:
    if contender.failure is not None:
        return contender
    candidates = tuple(
        candidate
        if candidate.executable is None or candidate.kernel is None
        else _with_library(candidate, candidate.kernel, prepared, toolchain)
        for candidate in contender.candidates
    )
    return replace(contender, candidates=candidates).settled


def _with_library(
    candidate: Candidate, kernel: str, prepared: PreparedUnit, toolchain: Toolchain
) -> Candidate:
    path = None
    if toolchain.compiler == prepared.compiler:
        path = _placed(prepared.libraries[kernel], toolchain.cache)
    if path is None:
        limit = prepared.unit.measure.compile_seconds
        text = prepared.kernels[kernel]
        built = build_kernel(text, candidate.openmp, candidate.libraries, toolchain, limit)
        if isinstance(built, Failure):
            return replace(candidate, executable=None, failure=built)
        path = built.path
    return replace(candidate, executable={**(candidate.executable or {}), "library": str(path)})


def _placed(library: Library, cache: Path) -> Path | None:
    """The library's file in this node's cache; None for what was garbled on its way."""
    target = cache / library.name[:2] / library.name
    if library_bytes(target) is None:
        private_folder(target.parent)
        try:
            keep_library(library.data, target)
        except NoLibrary:
            return None
    return target
