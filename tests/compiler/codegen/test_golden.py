"""Whole kernels of tiny problems, as text. `pytest --update-golden` rewrites them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import FLAGS, WARNINGS
from tests.compiler.codegen.targets import c_compiler
from tests.compiler.problem.operators import MAX_POOL, conv2d, matmul

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "conv2d_padded": (
        conv2d(ic=4, oc=16, ih=6, iw=6),
        "broadcast/vector:oc.8/tile:oc.1+ow.3/order:oc+oh+ow+kh+kw+ic"
        "/layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a/unroll:4",
    ),
    "matmul_remainders": (
        matmul(m=5, n=11, k=6),
        "broadcast/vector:n.4/tile:n.2+m.2/order:k@1+m+n+k/block:k@1.4/parallel:m"
        "/layout:b.Ba4b/unroll:2",
    ),
    "matmul_ahead": (
        matmul(m=5, n=16, k=80),
        "broadcast/vector:n.4/tile:n.2+m.2/order:k@1+n+m+k/block:k@1.64"
        "/layout:b.Ba4b/unroll:2/ahead:a.m+b.n",
    ),
    "conv2d_pixels_packed": (
        conv2d(ic=2, oc=3, ih=4, iw=8, kh=1, pad_h=0),
        "pixels/vector:ow.8/tile:ow.1+oc.3/order:oh+ow+oc+kw+ic/layout:weight.bcda/pack:data.abcd",
    ),
    "matrix_vector_dot": (
        matmul(m=5, n=1, k=23),
        "dot/vector:k.4/tile:k.2+m.2/order:k@1+m+k/block:k@1.2/prefetch:64/unroll:2",
    ),
    "max_pool_scalar": (MAX_POOL, "scalar/order:c+oh+ow+kh+kw"),
}


def _text(name: str) -> str:
    spec, schedule = CASES[name]
    return compile_schedule(primitive_from(spec), parse_schedule(schedule)).text


@pytest.mark.parametrize("name", CASES)
def test_text_is_golden(name: str, update_golden: bool) -> None:
    path = GOLDEN / f"{name}.c"
    text = _text(name)
    if update_golden:
        path.write_text(text)
    assert path.exists(), f"{path} is missing; write it with pytest --update-golden"
    assert text == path.read_text(), "look at the change, then accept it with --update-golden"


def _compiled(text: str) -> subprocess.CompletedProcess[str]:
    """What the C compiler says of a text, at the level of the build and with all warnings."""
    openmp = ["-fopenmp"] if "#pragma omp" in text else []
    command = [c_compiler(), "-O2", *FLAGS, *WARNINGS, *openmp]
    command += ["-x", "c", "-c", "-o", os.devnull, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True)


@pytest.mark.parametrize("name", CASES)
def test_a_compiler_has_nothing_to_say(name: str) -> None:
    done = _compiled((GOLDEN / f"{name}.c").read_text())
    assert done.returncode == 0
    assert done.stderr == ""


def test_an_accumulator_without_its_value_is_no_text_that_compiles() -> None:
    text = (GOLDEN / "matmul_remainders.c").read_text()
    whole, _, rest = text.partition("static void tile1(")
    declared = list(re.finditer(r"vec (a\w+) = [^;]*;", whole))
    assert len(declared) == 4
    for found in declared:
        without = f"{whole[: found.start()]}vec {found[1]};{whole[found.end() :]}"
        done = _compiled(f"{without}static void tile1({rest}")
        assert done.returncode != 0
        assert re.search(rf"\b{found[1]}\b.*uninitialized", done.stderr)


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.c")} == set(CASES)


def test_other_processes_print_the_same_bytes() -> None:
    code = (
        "import sys\n"
        "from tests.compiler.codegen.test_golden import CASES, _text\n"
        "sys.stdout.write(''.join(map(_text, CASES)))\n"
    )
    here = "".join(map(_text, CASES))
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "4242")
    ]
    for run in runs:
        assert run.communicate(timeout=60)[0] == here
