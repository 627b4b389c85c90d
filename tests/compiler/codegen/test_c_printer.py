"""The translation unit's frame: comments that cannot end early, preludes that compile."""

from __future__ import annotations

import subprocess
from pathlib import Path

from compiler.codegen.c_printer import prelude, translation_unit
from compiler.codegen.kernel import SYMBOL, Buffer
from compiler.problem.dtypes import F32
from compiler.schedule.layout import Layout
from tests.compiler.codegen.targets import c_compiler

USE = """\
void part_{n}(float *p, int k)
{{
  vec x = LOAD_PART(p, {part}), y = SPLAT(2.0f);
  STEP;
  x += y * *p;
  STORE_PART(p, x, {part});
  x = LOAD(p + 1);
  STORE(p + 1, x);
  {stream}
}}
"""


def test_preludes_of_every_vector_length_compile(tmp_path: Path) -> None:
    """Each for itself: typedefs and macros of one length are not those of another."""
    for nontemporal in (False, True):
        texts = []
        for lanes in (1, 2, 4, 8, 16, 32, 64):
            stream = "STREAM(p, y);" if nontemporal else ""
            text = prelude(F32, lanes, nontemporal)
            text += USE.format(n=lanes, part=max(1, lanes - 1), stream=stream)
            text = text.replace("vec", f"vec{lanes}").replace("loose", f"loose{lanes}")
            text = text.replace(f"vec{lanes}tor_size", "vector_size")
            names = {
                line.split()[1].split("(")[0] for line in text.splitlines() if "#define" in line
            }
            texts.append(text + "".join(f"#undef {name}\n" for name in sorted(names)))
        source = tmp_path / f"prelude{int(nontemporal)}.c"
        source.write_text("\n".join(texts))
        flags = ["-O1", "-march=native", "-Wall", "-Werror", "-Wno-psabi", "-c", "-o", "/dev/null"]
        subprocess.run([c_compiler(), *flags, source], check=True)


def test_a_unit_binds_its_buffers_in_order() -> None:
    buffers = (
        Buffer("b", "input", 4, F32, Layout((4,), (0,))),
        Buffer("a", "output", 4, F32, Layout((4,), (0,))),
        Buffer("packed_b", "workspace", 8, F32, None),
    )
    text = translation_unit(
        ["odd */ comment"], "int x;", ["static void f(void) {}\n"], buffers, ["f();"]
    )
    assert text.splitlines()[0] == "/* odd * / comment */"
    assert text.index("int x;") < text.index("static void f") < text.index(f"void {SYMBOL}(")
    body = [line.strip() for line in text.splitlines() if "buffers[" in line]
    assert body == [
        "const float *restrict t_b = buffers[0];",
        "float *restrict t_a = buffers[1];",
        "float *restrict t_packed_b = buffers[2];",
    ]
    assert text.endswith("  f();\n}\n")
