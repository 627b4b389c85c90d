"""The self-test of an exported library: every kernel on inputs from a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.export.check import MIX, WEIGHTS, Check
from harness.export.library import (
    HEADER,
    floats,
    function,
    packs,
    tensors,
    workspace,
    workspace_floats,
)
from harness.export.selection import ExportedKernel

_HEAD = """/* ./selftest: every kernel on inputs that a formula gives; status 1 where one is wrong.
 * ./selftest CALLS: and the fastest of so many calls, in microseconds.
 */
#define _POSIX_C_SOURCE 200112L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
@omp@
#include "@header@"

static int failures;

static uint32_t mixed(uint32_t i, uint32_t seed)
{
  uint32_t x = i * @mix0@u + seed;
  x ^= x >> 15;
  x *= @mix1@u;
  return x ^ (x >> 13);
}

static float *room(long floats)
{
  size_t bytes = ((size_t)floats * sizeof(float) + 63) / 64 * 64;
  void *found = NULL;
  if (posix_memalign(&found, 64, bytes ? bytes : 64)) {
    fprintf(stderr, "selftest: not enough memory\\n");
    exit(2);
  }
  memset(found, 0xff, bytes); /* no number, where a kernel should have written */
  return found;
}

static float *numbers(long floats, uint32_t seed, uint32_t largest, int exponent)
{
  float *found = room(floats);
  for (long i = 0; i < floats; ++i) {
    uint32_t x = mixed((uint32_t)i, seed);
    float magnitude = ldexpf((float)(1 + (x >> 1) % largest), exponent);
    found[i] = x & 1 ? -magnitude : magnitude;
  }
  return found;
}

static void told(const char *kernel, const char *output, int good)
{
  printf("%s %s: %s\\n", good ? "ok    " : "FAILED", kernel, output);
  failures += !good;
}

static void @unused@exactly(const char *kernel, const char *output, const float *values,
                            long floats, uint64_t expected)
{
  uint64_t sum = 0;
  for (long i = 0; i < floats; ++i) {
    float value = values[i] + 0.0f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    sum += bits * (2 * (uint64_t)i + 1);
  }
  told(kernel, output, sum == expected);
}

static void @unused@nearly(const char *kernel, const char *output, const float *values,
                           long floats, double expected, double most)
{
  double sum = 0;
  for (long i = 0; i < floats; ++i)
    sum += (mixed((uint32_t)i, @weights@) / 2147483648.0 - 1.0) * values[i];
  told(kernel, output, fabs(sum - expected) <= most);
}

static double microseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}
"""
_MAIN = """
int main(int count, char **words)
{
  long calls = count > 1 ? atol(words[1]) : 0;
@calls@
  printf("%d wrong\\n", failures);
  return failures != 0;
}
"""


def selftest(kernels: Sequence[ExportedKernel], checks: Mapping[str, Check]) -> str:
    """The text of `selftest.c`; `checks` are by the kernels' names."""
    parallel = any(one.kernel.openmp for one in kernels)
    words = {
        "omp": "#include <omp.h>" if parallel else "",
        "header": HEADER,
        "mix0": str(MIX[0]),
        "mix1": str(MIX[1]),
        "weights": str(WEIGHTS),
        "unused": "__attribute__((unused)) ",
    }
    head = _HEAD
    for word, text in words.items():
        head = head.replace(f"@{word}@", text)
    tests = [_test(one, checks[one.name]) for one in kernels]
    calls = "\n".join(f"  test_{one.name}(calls);" for one in kernels)
    return head + "".join(tests) + _MAIN.replace("@calls@", calls)


def _test(one: ExportedKernel, check: Check) -> str:
    name, buffers = function(one), tensors(one)
    lines, freed = [], []
    if one.kernel.openmp:
        lines.append(f"omp_set_num_threads({one.result.threads});")
    for index, buffer in enumerate(buffers):
        tensor = one.primitive.tensor(buffer.name)
        lines.append(f"float *packed{index} = room({floats(one)[buffer.name]});")
        freed.append(f"packed{index}")
        if packs(one, buffer):
            seed = list(check.exponents).index(buffer.name)
            drawn = f"{tensor.elements}, {seed}, {check.largest}, {check.exponents[buffer.name]}"
            lines.append(f"float *plain{index} = numbers({drawn});")
            lines.append(f"{name}_pack_{buffer.name}(plain{index}, packed{index});")
        else:
            lines.append(f"float *plain{index} = room({tensor.elements});")
        freed.append(f"plain{index}")
    arguments = [f"packed{index}" for index in range(len(buffers))]
    if workspace(one):
        lines.append(f"float *workspace = room({workspace_floats(one)});")
        arguments.append("workspace")
        freed.append("workspace")
    call = f"{name}({', '.join(arguments)});"
    lines.append(call)
    for index, buffer in enumerate(buffers):
        if buffer.role != "output":
            continue
        lines.append(f"{name}_unpack_{buffer.name}(packed{index}, plain{index});")
        count = one.primitive.tensor(buffer.name).elements
        given = f'"{one.name}", "{buffer.name}", plain{index}, {count}'
        if buffer.name in check.checksums:
            lines.append(f"exactly({given}, {check.checksums[buffer.name]}u);")
        else:
            total, most = check.sums[buffer.name]
            lines.append(f"nearly({given}, {total!r}, {most!r});")
    lines += [
        "double best = HUGE_VAL;",
        "for (long i = 0; i < calls; ++i) {",
        "  double start = microseconds(), took;",
        f"  {call}",
        "  took = microseconds() - start;",
        "  best = took < best ? took : best;",
        "}",
        f'if (calls) printf("       {one.name}: %.3f us\\n", best);',
        *(f"free({pointer});" for pointer in freed),
    ]
    body = "\n".join(f"  {line}" for line in lines)
    return f"\nstatic void test_{one.name}(long calls)\n{{\n{body}\n}}\n"
