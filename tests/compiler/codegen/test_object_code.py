"""What the C compiler makes of a kernel: registers of the whole vector length, no spills."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from compiler.codegen.c_printer import prelude
from compiler.codegen.vector_functions import vector_functions
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.dtypes import F32
from compiler.problem.names import FUNCTIONS
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import FLAGS
from tests.compiler.codegen.targets import c_compiler
from tests.compiler.problem.operators import conv2d, matmul

X86_REGISTERS = {4: "xmm", 8: "ymm", 16: "zmm"}
TILES = {4: (2, 6), 8: (2, 6), 16: (4, 6)}  # vectors x pixels, as the best candidates have
Instruction = tuple[int, str]
NEEDS_CLANG = pytest.mark.needs("clang")


def _macros() -> str:
    command = [c_compiler(), "-march=native", "-E", "-dM", "-x", "c", "/dev/null"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _lengths() -> list[int]:
    """Vector lengths of which this host has registers and multiply-adds."""
    macros = _macros()
    if platform.machine() in ("aarch64", "arm64"):
        return [4]
    found = [4, 8] if "__FMA__" in macros else []
    return found + ([16] if "__AVX512F__" in macros else [])


def _kernel(lanes: int, more: str = "") -> str:
    vectors, pixels = TILES[lanes]
    spec = conv2d(ic=64, oc=lanes * vectors * 2, ih=pixels * 4, iw=pixels * 4)
    text = (
        f"broadcast/vector:oc.{lanes}/tile:oc.{vectors}+ow.{pixels}/order:oc+oh+ow+kh+kw+ic"
        f"/layout:data.aBcd64b+out.aBcd{lanes}b+weight.ABcd64b{lanes}a/unroll:4{more}"
    )
    return compile_schedule(primitive_from(spec), parse_schedule(text)).text


def _disassembled(text: str, lanes: int, folder: Path) -> list[Instruction]:
    """(address, text) of every instruction of a kernel, as users build it."""
    objdump = shutil.which("objdump") or shutil.which("llvm-objdump")
    if objdump is None:
        pytest.fail("needs objdump (Debian: apt-get install binutils)")
    source, target = folder / f"k{lanes}.c", folder / f"k{lanes}.o"
    source.write_text(text)
    wide = ["-mprefer-vector-width=512"] if "__clang__" in _macros() and lanes == 16 else []
    command = [c_compiler(), "-O2", *FLAGS, *wide, "-c", "-o", str(target), str(source)]
    subprocess.run(command, check=True)
    command = [objdump, "-d", "--no-show-raw-insn", str(target)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^\s*([0-9a-f]+):\s+(.*\S)", found, re.MULTILINE)
    return [(int(address, 16), instruction) for address, instruction in lines]


@pytest.fixture(scope="module")
def object_code(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Instruction]]:
    """One kernel for each vector length."""
    folder = tmp_path_factory.mktemp("object_code")
    return {lanes: _disassembled(_kernel(lanes), lanes, folder) for lanes in _lengths()}


def _multiply_adds(instructions: list[Instruction]) -> list[str]:
    return [x for _, x in instructions if re.match(r"(vfn?m(add|sub)\d*ps|fml[as])\b", x)]


def test_multiply_adds_use_whole_registers(object_code: dict[int, list[Instruction]]) -> None:
    for lanes, instructions in object_code.items():
        found = _multiply_adds(instructions)
        vectors, pixels = TILES[lanes]
        assert len(found) >= vectors * pixels
        for instruction in found:
            if platform.machine() in ("aarch64", "arm64"):
                assert re.search(r"\bv\d+\.4s\b", instruction), instruction
            else:
                assert f"%{X86_REGISTERS[lanes]}" in instruction, instruction


def _innermost_loops(instructions: list[Instruction]) -> list[list[str]]:
    """Bodies of the loops that multiply and hold no other loop: backward jumps, by address."""
    jumps = []
    for address, text in instructions:
        target = re.match(r"(?:j\w+|b\.\w+|cbn?z\s+\w+,|tbn?z\s+.*,)\s+(?:0x)?([0-9a-f]+)\b", text)
        if target and int(target.group(1), 16) <= address:
            jumps.append((int(target.group(1), 16), address))
    bodies = []
    for start, end in jumps:
        if any(start <= a and b <= end and (a, b) != (start, end) for a, b in jumps):
            continue
        body = [text for address, text in instructions if start <= address <= end]
        if any(_multiply_adds([(0, text)]) for text in body):
            bodies.append(body)
    return bodies


def test_the_innermost_loops_spill_nothing(object_code: dict[int, list[Instruction]]) -> None:
    stack = re.compile(r"v?mov[au]p[sd]\s+%[xyz]mm\d+,.*\(%r[sb]p|\bstr\s+q\d+,\s+\[sp")
    for lanes, instructions in object_code.items():
        loops = _innermost_loops(instructions)
        assert loops, lanes
        for body in loops:
            assert not [text for text in body if stack.match(text)]


def test_addresses_ascend(object_code: dict[int, list[Instruction]]) -> None:
    """The disassembly is of one function after the other, so that jumps can be read."""
    for instructions in object_code.values():
        assert all(a < b for (a, _), (b, _) in pairwise(instructions))


def test_streamed_outputs_go_past_the_caches(tmp_path: Path) -> None:
    """Where the target has a store of whole vectors for it."""
    for lanes in set(_lengths()) & {8, 16}:
        instructions = _disassembled(_kernel(lanes, "/nontemporal:1"), lanes, tmp_path)
        stored = [text for _, text in instructions if text.startswith("vmovntps")]
        vectors, pixels = TILES[lanes]
        assert len(stored) >= vectors * pixels
        assert all(f"%{X86_REGISTERS[lanes]}" in text for text in stored)


def test_functions_on_vectors_stay_in_whole_registers(tmp_path: Path) -> None:
    """No calls, no lane by itself, nothing through the stack; a maximum is one instruction."""
    plain_root = "__clang__" in _macros() or platform.machine() != "x86_64"  # lane by lane
    names = [name for name in FUNCTIONS if not (plain_root and name == "sqrt")]
    for lanes in _lengths():
        text = prelude(F32, lanes, nontemporal=False) + vector_functions(names, lanes)
        for name in names:
            arguments = "x[0], x[1]" if name in ("max", "min") else "x[0]"
            text += f"void use_{name}(vec *x) {{ x[0] = vec_{name}({arguments}); }}\n"
        instructions = [text for _, text in _disassembled(text, lanes, tmp_path)]
        single = r"(call|bl)\b|.*\(%r[sb]p|.*\[sp|v?(mov|add|sub|mul|div|sqrt|max|min|fn?m\w+)ss\b"
        assert not [text for text in instructions if re.match(single, text)], lanes
        if platform.machine() == "x86_64":
            found = Counter(text.split()[0] for text in instructions)
            maxima = {"vmaxps": 1 + 1 + 2, "vminps": 1 + 1 + 1 + 2}  # own, exp, tanh, erf
            assert {name: found[name] for name in maxima} == maxima, lanes
            assert found["vdivps"] == 1 and found["vsqrtps"] == ("sqrt" in names)


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=NEEDS_CLANG)])
def test_a_maximum_is_one_instruction(compiler: str, tmp_path: Path) -> None:
    """Not a comparison and a choice: of accumulators in registers, by either compiler."""
    if platform.machine() != "x86_64":
        pytest.skip("one instruction on x86 alone")
    for lanes in _lengths():
        text = prelude(F32, lanes, nontemporal=False) + vector_functions(["max", "min"], lanes)
        text += "void use(vec *x) { x[0] = vec_max(x[0], vec_min(x[1], x[2])); }\n"
        source = tmp_path / f"maxima{lanes}.c"
        source.write_text(text)
        command = [
            compiler,
            "-O2",
            *FLAGS,
            "-mprefer-vector-width=512",
            "-S",
            "-o",
            "-",
            str(source),
        ]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        packed = re.findall(r"\bv\w+ps\b.*", found)
        count = Counter(instruction.split()[0] for instruction in packed)
        assert count["vmaxps"] == count["vminps"] == 1, found
        assert not re.search(r"\bv(cmp|blend|and|or|ptern)\w*", found), found
        assert f"%{X86_REGISTERS[lanes]}" in found


def test_parts_of_vectors_never_pass_through_memory(tmp_path: Path) -> None:
    """A remainder's loads and stores are as many instructions as a whole vector's, and a mask."""
    for lanes in _lengths():
        text = prelude(F32, lanes, nontemporal=False, partial=True)
        text += f"void use(float *p) {{ STORE_PART(p, LOAD_PART(p, {lanes - 1}), {lanes - 1}); }}\n"
        instructions = [text for _, text in _disassembled(text, lanes, tmp_path)]
        assert not [text for text in instructions if re.search(r"%r[sb]p|\[sp", text)], lanes
        assert 3 <= len(instructions) <= 8, lanes  # vzeroupper and ret among them; 18 by gcc alone


def test_scalar_loops_run_in_vectors(tmp_path: Path) -> None:
    primitive = primitive_from(matmul(m=8, n=64, k=8))
    text = compile_schedule(primitive, parse_schedule("scalar/order:m+k+n")).text
    for lanes in _lengths()[-1:]:
        assert _multiply_adds(_disassembled(text, lanes, tmp_path))
