"""Kernels of another processor: cross-compiled, and run by an emulator on buffers in files."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from compiler.codegen.kernel import Buffer, Kernel
from compiler.schedule.layout import Array
from harness.kernel.load import LoadError
from harness.kernel.memory import Placement
from harness.kernel.problem_data import Inputs
from tests.compiler.codegen.batch import combined

CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
# Those of harness.kernel.c_compiler but for the target, which is any core of Armv8
FLAGS = ("-O2", "-march=armv8-a", "-ffp-contract=fast", "-fopenmp-simd", "-fno-math-errno")
HEADERS = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/mman.h>\n"
WROTE_OUTSIDE = 3
# Arguments: the kernel's number, 1 where buffers end at their upper guard page, a file. In it for
# each buffer its bytes as a number of eight, then what it holds, and afterwards what it held.
MAIN = """
enum {{ PAGE = 4096, LINE = 64, MOST = 64, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS }};
int main(int argc, char **argv)
{{
  int high = argc == 4 && atoi(argv[2]), count = 0;
  unsigned char *map[MOST], *at[MOST];
  long bytes[MOST], room[MOST];
  chosen = atoi(argv[1]);
  FILE *file = fopen(argv[3], "r+b");
  while (fread(&bytes[count], sizeof bytes[0], 1, file) == 1) {{
    long n = bytes[count], body = (n + PAGE) / PAGE * PAGE;
    map[count] = mmap(0, body + 2 * PAGE, PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    memset(map[count], 0xff, body + 2 * PAGE); /* no numbers */
    at[count] = map[count] + PAGE + (high ? (body - n) / LINE * LINE : 0);
    room[count] = body;
    if (fread(at[count], 1, n, file) != (size_t)n) return 1;
    mprotect(map[count], PAGE, PROT_NONE);
    mprotect(map[count] + PAGE + body, PAGE, PROT_NONE);
    ++count;
  }}
  {symbol}((void *const *)at);
  rewind(file);
  for (int i = 0; i < count; ++i) {{
    for (unsigned char *p = map[i] + PAGE; p < map[i] + PAGE + room[i]; ++p)
      if ((p < at[i] || p >= at[i] + bytes[i]) && *p != 0xff) return {outside};
    fwrite(&bytes[i], sizeof bytes[0], 1, file);
    fwrite(at[i], 1, bytes[i], file);
  }}
  return fclose(file) != 0;
}}
"""


def cross_compiled(kernels: Sequence[Kernel], folder: Path) -> Path:
    """One program of all kernels, for any processor of the family, linked statically."""
    source, program = folder / "kernels.c", folder / "kernels"
    main = MAIN.format(symbol="polydl_kernel", outside=WROTE_OUTSIDE)
    source.write_text(HEADERS + combined(kernels) + main)
    command = [CROSS, *FLAGS, "-Wno-unknown-pragmas", "-static", "-o", str(program)]
    subprocess.run([*command, str(source), "-lm"], check=True)
    return program


@dataclass
class Emulated:
    """A kernel of such a program, as harness.kernel.load.Executable."""

    program: Path
    number: int
    kernel: Kernel
    kind: int = 0
    library: bool = False
    numerics: str | None = None
    function: int = 0
    argument: int = 0
    outputs: tuple[str, ...] = ()
    _held: list[Array] = field(default_factory=list)
    _placement: Placement = "end"
    _status: int = 0
    _given: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outputs = tuple(b.name for b in self.kernel.buffers if b.role == "output")

    def bind(self, inputs: Inputs, placement: Placement, garbage: Array) -> None:
        self._placement = placement
        self._given = {
            b.name: inputs.packed(b.name, b.layout).copy()
            for b in self.kernel.buffers
            if b.layout is not None and b.name in inputs
        }
        self._held = [
            self._given[b.name] if b.name in self._given else _repeated(garbage, b)
            for b in self.kernel.buffers
        ]

    def run(self) -> None:
        file = self.program.with_name("buffers")
        file.write_bytes(
            b"".join(np.int64(held.nbytes).tobytes() + held.tobytes() for held in self._held)
        )
        high = str(int(self._placement == "end"))
        command = [EMULATOR, str(self.program), str(self.number), high, str(file)]
        self._status = subprocess.run(command, timeout=300, check=False).returncode
        if self._status not in (0, WROTE_OUTSIDE):
            raise LoadError(f"{EMULATOR} ended with {self._status}")
        left = memoryview(file.read_bytes())
        for place, buffer in enumerate(self.kernel.buffers):
            left = left[8:]
            self._held[place] = np.frombuffer(left[: buffer.bytes], buffer.dtype.numpy)
            left = left[buffer.bytes :]

    def share(self, threads: int) -> None:
        assert threads == 1

    def fetch(self, tensor: str, shape: tuple[int, ...]) -> Array:
        for buffer, held in zip(self.kernel.buffers, self._held, strict=True):
            if buffer.name == tensor and buffer.layout is not None:
                return buffer.layout.unpack(held).reshape(shape)
        raise LoadError(f"no output '{tensor}'")

    def damage(self) -> str | None:
        if self._status == WROTE_OUTSIDE:
            return "wrote outside a buffer"
        for buffer, held in zip(self.kernel.buffers, self._held, strict=True):
            same = buffer.role != "input" or self._given[buffer.name].tobytes() == held.tobytes()
            if not same:
                return f"changed its input '{buffer.name}'"
        return None

    def memory(self) -> list[tuple[str, int, int]]:
        return []

    def mappings(self) -> list[tuple[str, int, int, int, int]]:
        return []

    def describe(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        pass


def _repeated(garbage: Array, buffer: Buffer) -> Array:
    return np.resize(garbage.astype(buffer.dtype.numpy), buffer.elements)
