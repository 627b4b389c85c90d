"""Functions on vectors in a kernel: their error is allowed for, that of wrong ones is not."""

from __future__ import annotations

import pytest

from compiler.codegen.c_printer import prelude
from compiler.codegen.kernel import Buffer, Kernel
from compiler.codegen.vector_functions import POLYNOMIALS, vector_functions
from compiler.problem.dtypes import EPS, F32
from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import computed
from harness.kernel.load import kernel_spec, load
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import Verified, verify
from tests.harness.matmul_kernels import row_major

M, N, K = 24, 32, 40
LANES = 4
TEXT = """
void polydl_kernel(void *const *buffers) {{
  const float *a = buffers[0], *b = buffers[1], *bias = buffers[2];
  float *c = buffers[3];
  for (int i = 0; i < {m}; ++i)
    for (int j = 0; j < {n}; j += {lanes}) {{
      vec x = SPLAT(0.0f);
      for (int k = 0; k < {k}; ++k) x += a[i * {k} + k] * LOAD(b + k * {n} + j);
      x += LOAD(bias + j);
      STORE(c + i * {n} + j, {value});
    }}
}}
"""
EPILOGUES = {  # statement, and the same in C
    "erf": ("0.5 * c[m,n] * (1 + erf(c[m,n] / sqrt(2)))",
            "0.5f * x * (1.0f + vec_erf(x * 0.70710678f))"),
    "tanh": ("tanh(c[m,n])", "vec_tanh(x)"),
    "exp": ("1 / (1 + exp(-c[m,n]))", "1.0f / (1.0f + vec_exp(-x))"),
}  # fmt: skip
REACH = {"erf": (6.0, 0), "tanh": (0.1733, 1), "exp": (0.3466, 2)}  # of r, and r's power beside P
OFF = 100  # ulp


def verified(function: str, text: str, toolchain: Toolchain) -> Verified | Failure:
    statement, value = EPILOGUES[function]
    primitive = primitive_from(
        {
            "name": "matmul_epilogue",
            "sizes": {"m": M, "n": N, "k": K},
            "tensors": {"a": ["m", "k"], "b": ["k", "n"], "bias": ["n"], "c": ["m", "n"]},
            "statements": [
                "c[m,n] += a[m,k] * b[k,n]",
                "c[m,n] += bias[n]",
                f"c[m,n] = {statement}",
            ],
        }
    )
    kernel = Kernel(
        prelude(F32, LANES, nontemporal=False)
        + text
        + TEXT.format(m=M, n=N, k=K, lanes=LANES, value=value),
        (
            Buffer("a", "input", M * K, F32, row_major(M, K)),
            Buffer("b", "input", K * N, F32, row_major(K, N)),
            Buffer("bias", "input", N, F32, row_major(N)),
            Buffer("c", "output", M * N, F32, row_major(M, N)),
        ),
        openmp=False,
    )
    found = build(kernel.text, False, toolchain)
    assert not isinstance(found, Failure), found
    return verify(load(kernel_spec(kernel, found.path)), computed(primitive, seed=3))


@pytest.mark.parametrize("function", EPILOGUES)
def test_the_right_polynomial_passes(function: str, toolchain: Toolchain) -> None:
    found = verified(function, vector_functions([function], LANES), toolchain)
    assert isinstance(found, Verified), found
    assert found.rounds["float"] == 1 and found.rounds["exact"] > 1


@pytest.mark.parametrize("function", EPILOGUES)
def test_a_wrong_coefficient_is_found(function: str, toolchain: Toolchain) -> None:
    """Off by so much that the function is by 100 ulp, at the end of P's range."""
    right = vector_functions([function], LANES)
    coefficients = POLYNOMIALS[function]
    reach, power = REACH[function]
    for number in (0, len(coefficients) // 2, len(coefficients) - 1):
        exponent = len(coefficients) - 1 - number + power
        wrong = float.fromhex(coefficients[number]) + OFF * EPS / reach**exponent
        text = right.replace(f"{coefficients[number]}f", f"{wrong!r}f")
        assert text != right
        found = verified(function, text, toolchain)
        assert isinstance(found, Failure), (number, found)
        assert "expected" in found.reason
