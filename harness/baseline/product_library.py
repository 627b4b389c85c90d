"""Kernels that call a library's matrix product, linked with the library that is a baseline too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.baseline.baseline import Missing
from harness.baseline.blas.library import Blas, library_found
from harness.baseline.libxsmm.libxsmm import LIBRARIES, Installation, Libxsmm
from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.build import Built, build
from harness.kernel.toolchain import Toolchain


@dataclass(frozen=True)
class ProductLibrary:
    """A library as C text that calls it is compiled: its version, and the compiler's flags."""

    version: str
    flags: tuple[str, ...]


def product_library(name: str, toolchain: Toolchain) -> ProductLibrary | Missing:
    """The library of this name, one of compiler.pipeline.LIBRARIES."""
    if name == "libxsmm":
        libxsmm = Libxsmm(toolchain).installation()
        return libxsmm if isinstance(libxsmm, Missing) else with_libxsmm(libxsmm)
    blas = library_found(None)
    return blas if isinstance(blas, Missing) else with_blas(blas)


def check_libraries(names: Iterable[str], toolchain: Toolchain) -> None:
    """Raises EnvironmentProblem with the installing command where one is missing."""
    for name in names:
        found = product_library(name, toolchain)
        if isinstance(found, Missing):
            raise EnvironmentProblem(
                f"microkernel {name}: {found}; microkernel=generated needs no library"
            )


def with_libxsmm(found: Installation) -> ProductLibrary:
    """Its static libraries become part of the kernel."""
    named = f'-DLIBXSMM_LINKED="{found.version}"'  # another version is another kernel
    linked = (f"-l:{name}" for name in LIBRARIES)
    places = (f"-I{found.include}", f"-L{found.libraries}")
    return ProductLibrary(found.version, (named, *places, *linked, "-lpthread", "-ldl"))


def with_blas(found: Blas) -> ProductLibrary:
    """Its function by the name that it has there; the library is found again by its run path."""
    names = [f"-DCBLAS_SGEMM={found.sgemm}"]
    names.append(f"-DCBLAS_INT={'long' if found.integer_bits == 64 else 'int'}")
    if found.set_threads:
        names.append(f"-DCBLAS_SET_THREADS={found.set_threads}")
        names.append(f"-DCBLAS_GET_THREADS={found.get_threads}")
    folder = found.library.parent
    paths = (f"-L{folder}", f"-Wl,-rpath,{folder}") if found.library.is_absolute() else ()
    version = " ".join(filter(None, (found.blas, found.version, found.core)))
    return ProductLibrary(version, (*names, *paths, f"-l:{found.library.name}"))


def build_kernel(
    text: str, openmp: bool, libraries: Sequence[str], toolchain: Toolchain, time_limit: float
) -> Built | Failure:
    """Build C text that calls these libraries; a Failure says how to get one that is missing."""
    flags: list[str] = []
    for name in libraries:
        found = product_library(name, toolchain)
        if isinstance(found, Missing):
            return Failure("compile", f"microkernel {name}: {found}")
        flags += found.flags
    return build(text, openmp, toolchain, time_limit, flags)


def library_versions(libraries: Iterable[str], toolchain: Toolchain) -> Mapping[str, str]:
    """For records, by name; what is missing has none."""
    found = ((name, product_library(name, toolchain)) for name in dict.fromkeys(libraries))
    return {f"microkernel_{n}": lib.version for n, lib in found if not isinstance(lib, Missing)}
