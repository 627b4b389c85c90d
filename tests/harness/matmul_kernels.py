"""Hand-written C kernels of one small matrix product, right and wrong, for the harness's tests."""

from __future__ import annotations

from compiler.codegen.kernel import Buffer, Kernel
from compiler.problem.dtypes import F32
from compiler.schedule.layout import Layout
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import kernel_spec
from harness.kernel.toolchain import Toolchain

M, N, K = 7, 16, 32  # sizes of the buffers in bytes: 896, 2048, 448

SPEC: dict[str, object] = {
    "name": "matmul",
    "sizes": {"m": M, "n": N, "k": K},
    "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
    "constant": ["b"],
    "statements": ["c[m,n] += a[m,k] * b[k,n]"],
}

GOOD = f"""
void polydl_kernel(void *const *buffers) {{
    const float *a = buffers[0], *b = buffers[1];
    float *c = buffers[2];
    for (int i = 0; i < {M}; ++i)
        for (int j = 0; j < {N}; ++j) {{
            float sum = 0;
            for (int k = 0; k < {K}; ++k) sum += a[i * {K} + k] * b[k * {N} + j];
            c[i * {N} + j] = sum;
        }}
}}
"""


def changed(old: str, new: str) -> str:
    """GOOD with one piece of text replaced, which must be there."""
    assert old in GOOD
    return GOOD.replace(old, new)


LAST_TERM_MISSING = changed(f"k < {K}", f"k < {K - 1}")
NOT_INITIALISED = changed(f"c[i * {N} + j] = sum", f"c[i * {N} + j] += sum")
# one element outside a tensor, and not even used: the values agree all the same
READS_PAST_END = changed("float sum = 0;", f"float sum = 0; *(volatile float *)&a[{M * K}];")
READS_BEFORE_START = changed("float sum = 0;", "float sum = 0; *(volatile float *)&b[-1];")
WRITES_PAST_END = changed("float sum = 0;", f"float sum = 0; c[{M * N}] = 1;")
WRITES_INPUT = changed("float sum = 0;", "float sum = 0; ((float *)b)[3] += 1e-6f;")
SEGFAULT = "void polydl_kernel(void *const *buffers) { *(volatile int *)8 = 1; }"
ILLEGAL = "void polydl_kernel(void *const *buffers) { __builtin_trap(); }"
KILLED = """#include <signal.h>
void polydl_kernel(void *const *buffers) { raise(SIGKILL); }"""  # as the kernel does for memory
ENDLESS = 'void polydl_kernel(void *const *buffers) { for (;;) __asm__ volatile(""); }'
PRINTS = "#include <stdio.h>\n#include <unistd.h>\n" + changed(
    "float sum = 0;", 'float sum = 0; puts("{}"); fflush(stdout);'
)


def row_major(*shape: int) -> Layout:
    return Layout(shape, tuple(range(len(shape))))


def kernel_of(text: str) -> Kernel:
    return Kernel(
        text,
        (
            Buffer("a", "input", M * K, F32, row_major(M, K)),
            Buffer("b", "input", K * N, F32, row_major(K, N), constant=True),
            Buffer("c", "output", M * N, F32, row_major(M, N)),
        ),
        openmp=False,
    )


def executable(text: str, toolchain: Toolchain) -> dict[str, object]:
    built = build(text, False, toolchain)
    assert not isinstance(built, Failure), built
    return kernel_spec(kernel_of(text), built.path)
