"""Functions of the grammar on vectors, as C text: polynomials instead of calls of the C library.

Plain C on vector types does everything but what is one instruction and no such text compiles to:
there stands a builtin where the target has it (`compiler.codegen.builtins`).
There are no branches, no tables, and no division but the one of tanh.

exp: n = round(x / ln 2) by adding 1.5 * 2^23, beyond which floats are whole numbers; r = x - n ln 2
in two parts, of which n times the first is exact (Cody and Waite, Software Manual for the
Elementary Functions, 1980); e^r = 1 + r + r^2 P(r) on |r| <= ln 2 / 2, in multiply-adds alone. 2^n
comes as a product of two powers, so that the last multiplication alone rounds, to a denormal or
infinity too.

tanh: of a = |x|, with m = (e^2a - 1) / 2, it is m / (m + 1), which is never above 1, and a itself
where a is tiny. With a = n ln 2 / 2 + r and w = (e^2r - 1) / 2 = r + r^2 P(r), m is
2^n w + (2^n - 1) / 2. An error of m counts 1 / (m + 1) times: one part of ln 2 is enough.

erf: erf(x) / x is an entire function of x^2 whose derivatives alternate in sign, so that little
cancels out in powers of x^2 - 6: no reduction, no exponential. P is erf(x) / x - 1/2, which rounds
less than the whole where x is small. x is cut off at 3.8, where P passes 1, and the result at 1.

The coefficients of P make its greatest error relative to the function least. exp and tanh: Remez'
exchange in 40 digits, rounded to float32. erf: least squares at 800 Chebyshev points with Lawson's
weights, of erf(x) + 1.2e-7 exp(-((3.8 - x) / 0.08)^2), so that it passes 1; from the lowest power
up, each is rounded and the others are fitted again. `ULPS` of compiler.problem.evaluation says how
far the functions are off over all floats, whether a multiply-add rounds once or twice.
"""

from __future__ import annotations

from collections.abc import Collection

from compiler.codegen.builtins import chosen
from compiler.codegen.scalar_expression import LIBRARY, library
from compiler.problem.dtypes import F32, DType

# P of each, the highest power first
EXP = ("0x1.6a2434p-10", "0x1.1239e2p-7", "0x1.5558f2p-5", "0x1.555492p-3", "0x1.fffffcp-2")
TANH = ("0x1.6bec08p-5", "0x1.122776p-3", "0x1.555674p-2", "0x1.5554b0p-1", "0x1.fffffep-1")
ERF = (
    *("-0x1.1e32ecp-54", "0x1.4b61fap-49", "-0x1.4b484ap-45", "0x1.cd46a2p-42"),
    *("-0x1.65a7bap-38", "0x1.358b9ap-34", "-0x1.df897ap-31", "0x1.4993cep-27"),
    *("-0x1.a46c7cp-24", "0x1.f4271cp-21", "-0x1.13e9a0p-17", "0x1.1c3bb6p-14"),
    *("-0x1.1685f8p-11", "0x1.0d005cp-8", "-0x1.14a3ccp-5", "-0x1.78b460p-4"),
)

# Before what needs it. Whole numbers that SHIFT was added to stand in the low bits of a float, and
# shifted by 23 they are exponents. A second argument is passed on where one of two is no number.
PLAIN = {
    "max": "  whole more = a > b;\n  return (vec)(((whole)a & more) | ((whole)b & ~more));\n",
    "min": "  whole less = a < b;\n  return (vec)(((whole)a & less) | ((whole)b & ~less));\n",
    "abs": "  return (vec)((whole)x & 0x7fffffff);\n",
    "sqrt": """\
  for (unsigned i = 0; i < sizeof x / sizeof x[0]; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
""",
    "scale": """\
  whole half = (whole)s >> 1, rest = (whole)s - half;
  return x * (vec)((half << 23) + ONE) * (vec)((rest << 23) + ONE);
""",
    "exp": """\
  x = vec_max(SPLAT(-104.0f), vec_min(SPLAT(89.0f), x));
  vec s = x * 0x1.715476p+0f + SHIFT, n = s - SHIFT;
  vec r = x - n * 0x1.63p-1f + n * 0x1.bd0106p-13f;
{exp}  return vec_scale((p * r + 1.0f) * r + 1.0f, s);
""",
    "tanh": """\
  vec a = vec_min(SPLAT(9.1f), vec_abs(x));
  vec s = a * 0x1.715476p+1f + SHIFT, r = a - (s - SHIFT) * 0x1.62e430p-2f;
{tanh}  vec power = (vec)(((whole)s << 23) + ONE);
  vec m = power * (r * r * p + r) + (power * 0.5f - 0.5f);
  return (vec)((whole)(m / (m + 1.0f)) | ((whole)x & ~0x7fffffff));
""",
    "erf": """\
  x = vec_max(SPLAT(-3.8f), vec_min(SPLAT(3.8f), x));
  vec r = x * x - 6.0f;
{erf}  return vec_max(SPLAT(-1.0f), vec_min(SPLAT(1.0f), x * p + x * 0.5f));
""",
}
ARGUMENTS = {"max": "vec a, vec b", "min": "vec a, vec b", "scale": "vec x, vec s"}
NEEDS = {"exp": ("max", "min", "scale"), "tanh": ("min", "abs"), "erf": ("max", "min")}
POLYNOMIALS = {"exp": EXP, "tanh": TANH, "erf": ERF}
CONSTANTS = """\
typedef int whole __attribute__((vector_size({bytes})));
#define SHIFT 0x1.8p+23f
#define ONE 0x3f800000
"""


def vector_functions(names: Collection[str], lanes: int, dtype: DType = F32) -> str:
    """C text that defines `vec_NAME` for each of the names, and what these need.

    It stands behind `c_printer.prelude` for as many lanes, whose `vec` all arguments and results
    are. max and min take two, the others one; of numbers that are none, max and min give the
    second. A single lane has the C library's functions, of any type; the polynomials are of F32.
    """
    if lanes == 1:
        return "".join(_library(name, dtype) for name in LIBRARY if name in names)
    needed = {other for name in names for other in (name, *NEEDS.get(name, ()))}
    return CONSTANTS.format(bytes=F32.bytes * lanes) + "".join(
        _function(name, _body(name, lanes)) for name in PLAIN if name in needed
    )


def _library(name: str, dtype: DType) -> str:
    arguments = ARGUMENTS.get(name, "vec x")
    called = library(dtype)[name]
    return _function(name, f"  return {called}({arguments.replace('vec ', '')});\n")


def _body(name: str, lanes: int) -> str:
    polynomials = {key: _horner(coefficients) for key, coefficients in POLYNOMIALS.items()}
    plain = PLAIN[name].format(**polynomials)
    return chosen(name, F32, lanes, plain, lambda text: f"  return {text};\n")


def _horner(coefficients: tuple[str, ...]) -> str:
    """C lines that set p to the polynomial in r."""
    first, second, *rest = coefficients
    steps = [f"  vec p = {first}f * r + {second}f;", *(f"  p = p * r + {c}f;" for c in rest)]
    return "\n".join(steps) + "\n"


def _function(name: str, body: str) -> str:
    """Always inlined: a call would have all vector registers saved around it."""
    head = f"static inline __attribute__((always_inline)) vec vec_{name}"
    return f"{head}({ARGUMENTS.get(name, 'vec x')})\n{{\n{body}}}\n"
