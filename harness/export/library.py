"""The texts of an exported library: its header, a source for each kernel, its build files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from compiler.codegen.kernel import ALIGNED, SYMBOL, Buffer
from harness.export.packing import packing_function, unpacking_function
from harness.export.selection import ExportedKernel
from harness.kernel.c_compiler import FLAGS, LEVEL

HEADER = "polydl_kernels.h"


def function(one: ExportedKernel) -> str:
    return f"polydl_{one.name}"


def tensors(one: ExportedKernel) -> list[Buffer]:
    """The buffers that are arguments, in their order."""
    return [buffer for buffer in one.kernel.buffers if buffer.layout is not None]


def distinct(kernels: Sequence[ExportedKernel]) -> tuple[ExportedKernel, ...]:
    """Each under a name that leaves no two of the library's files, functions and macros one name.

    Whether letters are large or small tells none apart: macros, and some file systems, know one
    case alone.
    """
    taken = {SYMBOL.upper(), Path(HEADER).stem.upper()}
    found = []
    for one in kernels:
        named, number = one, 2
        while not taken.isdisjoint(own := _names(named)):
            named, number = replace(one, name=f"{one.name}_{number}"), number + 1
        taken |= own
        found.append(named)
    return tuple(found)


def floats(one: ExportedKernel) -> dict[str, str]:
    """The macros that say how much room the tensors need, in whole lines, by their names."""
    taken = {workspace_floats(one)}
    found = {}
    for buffer in tensors(one):
        told = buffer.name.upper()
        while (macro := f"{function(one).upper()}_{told}_FLOATS") in taken:
            told += "_"
        found[buffer.name] = macro
        taken.add(macro)
    return found


def workspace_floats(one: ExportedKernel) -> str:
    return f"{function(one)}_workspace_floats".upper()


def workspace(one: ExportedKernel) -> int:
    """Elements of all workspaces, each on a line of its own."""
    return sum(_rounded(one, b) for b in one.kernel.buffers if b.layout is None)


def packs(one: ExportedKernel, buffer: Buffer) -> bool:
    """Whether a kernel reads a tensor: then there is a function that packs it."""
    return buffer.role == "input" or one.primitive.tensor(buffer.name).accumulate


def header(kernels: Sequence[ExportedKernel], told: str) -> str:
    """All that a caller includes, in C and C++."""
    parts = [_declared(one) for one in kernels]
    return f"""/* {told}
 *
 * A kernel takes its tensors in the layouts told here, each on a {ALIGNED}-byte boundary with
 * room for POLYDL_X_T_FLOATS, as aligned_alloc gives it; and a workspace where it has one, whose
 * contents mean nothing before and after a call. polydl_X_pack_T packs a row-major tensor into the
 * kernel's layout, and polydl_X_unpack_T unpacks one; inputs that never change are packed once.
 * Outputs need no values before the call unless it says so. Any number of threads may call a
 * kernel, each with an output and a workspace of its own.
 *
 * A layout names the dimensions of the kernel's own loops a, b, c... from the slowest to the
 * fastest; aBcd16b has b in blocks of 16, which lie innermost.
 */
#ifndef POLYDL_KERNELS_H
#define POLYDL_KERNELS_H

#ifdef __cplusplus
extern "C" {{
#endif

{"".join(parts)}#ifdef __cplusplus
}}
#endif
#endif
"""


def source(one: ExportedKernel) -> str:
    """The kernel as it was generated, the function that calls it, and its packing."""
    buffers, name = one.kernel.buffers, function(one)
    packing = [packing_function(f"{name}_pack_{b.name}", b) for b in tensors(one) if packs(one, b)]
    packing += [
        unpacking_function(f"{name}_unpack_{b.name}", b) for b in tensors(one) if b.role == "output"
    ]
    own = [buffer for buffer in buffers if buffer.layout is None]
    starts = [0, *accumulate(_rounded(one, buffer) for buffer in own)]
    at = {buffer.name: start for buffer, start in zip(own, starts, strict=False)}
    pointers = [
        f"(void *){_parameter(b)}" if b.layout is not None else f"workspace + {at[b.name]}"
        for b in buffers
    ]
    return f"""/* {function(one)}: see {HEADER} */
#include "{HEADER}"

static void {SYMBOL}(void *const *buffers);

void {name}({_parameters(one)})
{{
  void *const buffers[] = {{{", ".join(pointers)}}};
{_call(one)}
}}

{chr(10).join(packing)}
{one.kernel.text}"""


def makefile(kernels: Sequence[ExportedKernel]) -> str:
    """Builds the library and runs its self-test; the flags are those of the campaign."""
    flags = [flag for flag in FLAGS if flag not in ("-march=native", "-shared")]
    flags += ["-Wall", "-Wextra", *(["-fopenmp"] if any(o.kernel.openmp for o in kernels) else [])]
    return f"""# make test: build the library and hold it to its checksums
# make CC=clang ARCH=-march=x86-64-v4: with another compiler, for another processor
CC ?= cc
AR ?= ar
ARCH ?= -march=native
CFLAGS ?= {LEVEL}
FLAGS := {" ".join(flags)}
# clang takes narrower registers on AVX-512 machines unless told.
FLAGS += $(shell $(CC) --version | grep -q clang && \\
  $(CC) $(ARCH) -dM -E -x c /dev/null | grep -q __AVX512F__ && echo -mprefer-vector-width=512)
OBJECTS := {" ".join(f"{function(one)}.o" for one in kernels)}

libpolydl_kernels.a: $(OBJECTS)
\t$(AR) rcs $@ $(OBJECTS)

%.o: %.c {HEADER}
\t$(CC) $(CFLAGS) $(ARCH) $(FLAGS) -c -o $@ $<

selftest: selftest.o libpolydl_kernels.a
\t$(CC) $(CFLAGS) $(FLAGS) -o $@ selftest.o libpolydl_kernels.a -lm

.PHONY: test clean
test: selftest
\t./selftest

clean:
\trm -f $(OBJECTS) selftest.o selftest libpolydl_kernels.a
"""


def cmake(kernels: Sequence[ExportedKernel]) -> str:
    """The same for CMake: the target polydl_kernels, and its test."""
    flags = [flag for flag in FLAGS if flag not in ("-march=native", "-shared", "-fPIC")]
    parallel = any(one.kernel.openmp for one in kernels)
    openmp = """find_package(OpenMP REQUIRED COMPONENTS C)
target_link_libraries(polydl_kernels PUBLIC OpenMP::OpenMP_C)
"""
    return f"""cmake_minimum_required(VERSION 3.13)
project(polydl_kernels C)
enable_testing()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "{LEVEL}")
set(ARCH -march=native CACHE STRING "the processor that the kernels are compiled for")

add_library(polydl_kernels {" ".join(f"{function(one)}.c" for one in kernels)})
set_target_properties(polydl_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(polydl_kernels PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
target_compile_options(polydl_kernels PRIVATE ${{ARCH}} {" ".join(flags)} -Wall -Wextra)
if(CMAKE_C_COMPILER_ID MATCHES Clang AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(polydl_kernels PRIVATE -mprefer-vector-width=512)
endif()
target_link_libraries(polydl_kernels PUBLIC m)
{openmp if parallel else ""}
add_executable(polydl_selftest selftest.c)
target_link_libraries(polydl_selftest polydl_kernels)
add_test(NAME polydl_selftest COMMAND polydl_selftest)
"""


def _declared(one: ExportedKernel) -> str:
    """A kernel's part of the header."""
    name, primitive = function(one), one.primitive
    sizes = " ".join(f"{key}={value}" for key, value in primitive.sizes)
    lines = [f"/* {one.name}: {primitive.name} {sizes}"]
    lines += [f" *   {statement.text.replace('*/', '* /')}" for statement in primitive.statements]
    lines += [f" * {one.result.threads} thread(s) of OpenMP"] if one.kernel.openmp else []
    lines += [f" * kernel {one.kernel.hash}, schedule", f" *   {one.kernel.schedule}"]
    for buffer in tensors(one):
        layout, tensor = buffer.layout, primitive.tensor(buffer.name)
        assert layout is not None
        shape = "x".join(map(str, tensor.shape))
        kind = "constant" if tensor.constant else tensor.role
        started = ", starts from its values" if tensor.accumulate else ""
        over = "x".join(map(str, layout.shape))
        lines.append(f" *   {buffer.name}: {kind} {shape}, {layout.tag()} of {over}{started}")
    lines.append(" */")
    for buffer, macro in zip(tensors(one), floats(one).values(), strict=True):
        lines.append(f"#define {macro} {_rounded(one, buffer)}")
    if workspace(one):
        lines.append(f"#define {workspace_floats(one)} {workspace(one)}")
    lines.append(f"void {name}({_parameters(one)});")
    for buffer in tensors(one):
        c = buffer.dtype.c
        for way in _ways(one, buffer):
            lines.append(f"void {name}_{way}_{buffer.name}(const {c} *from, {c} *to);")
    return "\n".join(lines) + "\n\n"


def _ways(one: ExportedKernel, buffer: Buffer) -> tuple[str, ...]:
    """What functions there are for a tensor."""
    return ("pack",) * packs(one, buffer) + ("unpack",) * (buffer.role == "output")


def _names(one: ExportedKernel) -> set[str]:
    """All that a kernel brings into the library, in capitals."""
    name = function(one)
    own = [f"{name}_{way}_{b.name}".upper() for b in tensors(one) for way in _ways(one, b)]
    return {name.upper(), workspace_floats(one), *floats(one).values(), *own}


def _parameters(one: ExportedKernel) -> str:
    found = [
        f"{'const ' if b.role == 'input' else ''}{b.dtype.c} *{_parameter(b)}" for b in tensors(one)
    ]
    if workspace(one):
        found.append(f"{one.primitive.dtype.c} *workspace")
    return ", ".join(found)


def _parameter(buffer: Buffer) -> str:
    """As in the kernel: a tensor's name alone may be a word of C++ or a macro of anybody's."""
    return f"t_{buffer.name}"


def _call(one: ExportedKernel) -> str:
    """The kernel's own call; where each thread has a workspace, on as many as have one."""
    if not any(buffer.each_thread for buffer in one.kernel.buffers):
        return f"  {SYMBOL}(buffers);"
    return f"""#ifdef _OPENMP
  int omp_get_max_threads(void);
  void omp_set_num_threads(int);
  const int before = omp_get_max_threads();
  omp_set_num_threads({one.result.threads});
#endif
  {SYMBOL}(buffers);
#ifdef _OPENMP
  omp_set_num_threads(before);
#endif"""


def _rounded(one: ExportedKernel, buffer: Buffer) -> int:
    """Elements up to the next boundary, of all threads."""
    step = ALIGNED // buffer.dtype.bytes
    return -(-buffer.elements_on(one.result.threads) // step) * step
