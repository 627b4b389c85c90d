"""Every float through every function on vectors, beside the C library in double."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from compiler.codegen.c_printer import prelude
from compiler.codegen.vector_functions import vector_functions
from compiler.problem.dtypes import F32
from compiler.problem.evaluation import ULPS
from tests.compiler.codegen.batch import FLAGS
from tests.compiler.codegen.targets import VARIANTS

pytestmark = pytest.mark.soak
LANES = 8
ROUNDED = 0.5  # what the driver says of results that are rounded correctly
LIMITS = {name: ULPS[name] for name in ("exp", "tanh", "erf")} | {"sqrt": ROUNDED, "fabs": ROUNDED}
ARITHMETIC = [name for name in VARIANTS if name in ("native", "no multiply-adds")]
DRIVER = """\
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static double error(float found, double wanted)
{{
  float rounded = (float)wanted;
  if (isnan(found) || isnan(rounded)) return isnan(found) && isnan(rounded) ? 0.0 : INFINITY;
  if (!signbit(found) != !signbit(rounded)) return INFINITY;
  if (found == rounded) return 0.5;
  if (isinf(found) || isinf(rounded)) return INFINITY;
  int exponent;
  frexp(wanted, &exponent);
  return fabs(found - wanted) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}}

int main(void)
{{
  double worst = -1.0;
  uint32_t where = 0;
  #pragma omp parallel for schedule(dynamic, 4096)
  for (int64_t first = 0; first < 1ll << 32; first += {lanes}) {{
    uint32_t bits[{lanes}];
    vec x;
    for (int i = 0; i < {lanes}; ++i) bits[i] = (uint32_t)(first + i);
    memcpy(&x, bits, sizeof x);
    vec y = vec_{vector}(x);
    for (int i = 0; i < {lanes}; ++i) {{
      double e = error(y[i], {library}((double)x[i]));
      if (e > worst) {{
        #pragma omp critical
        if (e > worst) {{ worst = e; where = bits[i]; }}
      }}
    }}
  }}
  float argument;
  memcpy(&argument, &where, sizeof argument);
  printf("%.4f %.9g %a\\n", worst, argument, argument);
}}
"""


@pytest.mark.parametrize("variant", ARITHMETIC)
@pytest.mark.parametrize("library", LIMITS)
def test_all_floats(
    variant: str, library: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = library.removeprefix("f")
    text = prelude(F32, LANES, nontemporal=False) + vector_functions([vector], LANES)
    text += DRIVER.format(lanes=LANES, vector=vector, library=library)
    source = tmp_path / "all.c"
    # the prelude's macros would take min and max out of the headers
    headers = "\n".join(line for line in text.splitlines() if line.startswith("#include"))
    source.write_text(headers + "\n" + text)
    compiler, *flags = VARIANTS[variant]
    command = [compiler, "-O2", *FLAGS, *flags, "-fopenmp", "-o", str(tmp_path / "all")]
    subprocess.run([*command, str(source), "-lm"], check=True)
    done = subprocess.run([tmp_path / "all"], check=True, capture_output=True, text=True)
    with capsys.disabled():
        print(f"\n{vector}, {variant}: worst ulp and where: {done.stdout.strip()}")
    assert float(done.stdout.split()[0]) <= LIMITS[library]
