"""Exported libraries, built and linked outside the project by what they bring along."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import polydl
from compiler.pipeline import compile_schedule, parse_schedule, ranked_schedules
from compiler.problem.specification import primitive_from
from harness.cli import main
from harness.errors import RecordError
from harness.export.library import distinct
from harness.export.selection import ExportedKernel
from harness.export.selection import exported as exported_kernels
from harness.export.write import library_texts
from harness.record.configuration import configuration_text
from harness.record.journal import CampaignFolder
from harness.record.writer import CampaignWriter
from harness.settings import load_settings, quoted
from tests.compiler.machines import AVX2
from tests.harness.calling.kernels import ADDING, CONV, CONV_SCHEDULE
from tests.harness.campaigns import BRIEF
from tests.harness.matmul_kernels import SPEC as MATMUL
from tests.harness.onnx.models import model, node, saved
from tests.harness.record.results import Left, strategy_result

SOFTMAX: dict[str, object] = {
    "name": "softmax",
    "sizes": {"m": 5, "n": 19},
    "tensors": {"new": ["m", "n"], "total": ["m"], "out": ["m", "n"]},
    "temporary": ["total"],
    "statements": [
        "total[m] += exp(new[m,n])",
        "out[m,n] = exp(new[m,n]) / total[m]",
    ],
}
# Macros of compilers, names that differ in the size of letters alone, and the library's own.
NAMES: dict[str, object] = {
    "name": "kernel",
    "sizes": {"m": 40},
    "tensors": {name: ["m"] for name in ("linux", "Linux", "buffers", "EOF", "workspace")},
    "statements": ["workspace[m] = linux[m] + Linux[m] * buffers[m] - EOF[m]"],
}
# Padded channels, a sum that starts from the caller's values, plain tensors; what float32 rounds, a
# workspace, and names that C++ keeps for itself.
SPECS: dict[str, tuple[Mapping[str, object], str | None]] = {
    "conv": (CONV, CONV_SCHEDULE),
    "adding": (ADDING, None),
    "product": (MATMUL, None),
    "softmax": (SOFTMAX, None),
    "kernel": (NAMES, None),
}
STRICT = "CFLAGS=-O2 -Werror"
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include "polydl_kernels.h"

static float *ones(int floats, int packed)
{
  float *found = (float *)aligned_alloc(64, 4096);
  for (int i = 0; i < floats; ++i) found[i] = 1;
  return packed <= 1024 ? found : NULL;
}

int main(void)
{
  float *a = ones(7 * 32, POLYDL_PRODUCT_A_FLOATS), *b = ones(32 * 16, POLYDL_PRODUCT_B_FLOATS);
  float *packed = ones(0, POLYDL_PRODUCT_B_FLOATS), *c = ones(0, POLYDL_PRODUCT_C_FLOATS);
  polydl_product_pack_b(b, packed);
  polydl_product(a, packed, c);
  printf("%g %g\\n", (double)c[0], (double)c[7 * 16 - 1]);
  free(a); free(b); free(packed); free(c);
  return 0;
}
"""


def exported(
    name: str, spec: Mapping[str, object], text: str | None, threads: int = 1
) -> ExportedKernel:
    primitive = primitive_from(spec)
    ranked = ranked_schedules(primitive, AVX2, threads, limit=1)
    schedule = ranked[0].schedule if text is None else parse_schedule(text)
    kernel = compile_schedule(primitive, schedule)
    return ExportedKernel(name, primitive, kernel, strategy_result(threads=threads))


def written(kernels: Sequence[ExportedKernel], folder: Path) -> Path:
    folder.mkdir()
    for name, text in library_texts(kernels, "Kernels of a test").items():
        (folder / name).write_text(text)
    return folder


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kernels = [exported(name, *SPECS[name]) for name in SPECS]
    return written(distinct(kernels), tmp_path_factory.mktemp("export") / "lib")


@pytest.mark.parametrize(
    ("compiler", "language"),
    [("gcc", "c"), ("g++", "c++")]
    + [
        pytest.param(*both, marks=pytest.mark.needs("clang"))
        for both in (("clang", "c"), ("clang++", "c++"))
    ],
)
def test_it_is_built_without_a_warning_tested_and_linked(
    compiler: str, language: str, library: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "lib"
    shutil.copytree(library, folder)
    of_c = compiler.replace("clang++", "clang").replace("g++", "gcc")
    told = run("make", f"CC={of_c}", STRICT, "test", cwd=folder)
    results = [x for x in told.splitlines() if x.endswith((": out", ": c", ": workspace"))]
    assert len(results) == len(SPECS)
    assert all(line.startswith("ok ") for line in results)
    program = tmp_path / "program.c"
    program.write_text(PROGRAM)
    warned = ("-Wall", "-Wextra", "-Werror", "-x", language, program, "-x", "none")
    linked = (f"-I{folder}", f"-L{folder}", "-lpolydl_kernels", "-lm", "-o", "program")
    run(compiler, *warned, *linked, cwd=tmp_path)
    assert run(tmp_path / "program", cwd=tmp_path) == "32 32\n"


def test_names_that_would_be_one_are_several() -> None:
    one = exported("product", MATMUL, None)
    names = ("product", "PRODUCT", "product", "product_pack_a", "kernel", "kernels", "other")
    found = distinct([replace(one, name=name) for name in names])
    assert [one.name for one in found] == [
        *("product", "PRODUCT_2", "product_3", "product_pack_a_2"),
        *("kernel_2", "kernels_2", "other"),
    ]


def test_kernels_on_several_threads(tmp_path: Path) -> None:
    large = {**MATMUL, "sizes": {"m": 64, "n": 96, "k": 50}}
    rows = {**SOFTMAX, "sizes": {"m": 64, "n": 19}}
    line = "scalar/order:m+n/scalar/order:m+n/parallel:m/fusion:S0.m"  # a total for each thread
    kernels = [exported("large", large, None, 2), exported("rows", rows, line, 2)]
    assert all(one.kernel.openmp for one in kernels)
    assert any(buffer.each_thread for buffer in kernels[1].kernel.buffers)
    folder = written(kernels, tmp_path / "lib")
    told = run("make", STRICT, "test", cwd=folder)
    assert "ok     large: c" in told and "ok     rows: out" in told


@pytest.mark.needs("cmake")
def test_cmake_builds_and_tests_it(library: Path, tmp_path: Path) -> None:
    run("cmake", "-S", library, "-B", tmp_path / "build", cwd=tmp_path)
    run("cmake", "--build", tmp_path / "build", cwd=tmp_path)
    assert "100% tests passed" in run("ctest", cwd=tmp_path / "build")


def test_the_selftest_finds_a_kernel_that_does_nothing(library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    shutil.copytree(library, folder)
    for name in ("product", "softmax"):
        text = (folder / f"polydl_{name}.c").read_text()
        call = "  polydl_kernel(buffers);\n"
        assert text.count(call) == 1
        (folder / f"polydl_{name}.c").write_text(
            text.replace(call, "  (void)polydl_kernel, (void)buffers;\n")
        )
    told = run("make", "test", cwd=folder, status=2)
    assert "FAILED product: c" in told
    assert "FAILED softmax: out" in told
    assert "ok     conv: out" in told


def test_a_campaign_is_exported(
    small_campaign: CampaignFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(small_campaign.path), str(tmp_path / "new" / "lib")]
    assert main(command) == 0
    assert "2 kernels in" in capsys.readouterr().out
    folder = tmp_path / "new" / "lib"
    assert "0 wrong" in run("make", "-s", "test", cwd=folder)
    assert main(command) == 0  # over what an export and its build have left
    (folder / "mine.c").write_text("")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(command) == 2
    assert "holds other files (mine.c); name a new folder" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_export_that_ends_early_leaves_nothing(
    small_campaign: CampaignFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, and what a killed one had begun."""
    command = ["export", str(small_campaign.path), str(tmp_path / "new" / "lib")]
    write = Path.write_text

    def full(file: Path, text: str, encoding: str | None = None) -> int:
        if file.name == "Makefile":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, text, encoding)

    monkeypatch.setattr(Path, "write_text", full)
    assert main(command) == 2
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    (tmp_path / "new" / "lib" / ".export-killed").mkdir(parents=True)
    assert main(command) == 0
    assert not list((tmp_path / "new" / "lib").glob(".*"))


def test_a_name_that_c_cannot_have_is_left_out(
    small_campaign: CampaignFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor can make: it would run what stands behind a semicolon."""
    campaign = shutil.copytree(small_campaign.path, tmp_path / "campaign")
    journal = campaign / "results.jsonl"
    (name, *_) = [r.problem["name"] for r in small_campaign.results() if r.status == "ok"]
    journal.write_text(journal.read_text().replace(f'"name": "{name}"', '"name": "x; touch y"'))
    assert main(["export", str(campaign), str(tmp_path / "lib")]) == 0
    assert "x; touch y: it names no C function, and is left out" in caplog.text
    assert not any("touch" in file.read_text() for file in (tmp_path / "lib").iterdir())


def test_what_cannot_be_exported_is_one_line(
    small_campaign: CampaignFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["export", str(small_campaign.path), str(tmp_path / "file")]) == 2
    assert "it is no folder" in capsys.readouterr().err
    for folder in ("/proc/lib/of/kernels", str(tmp_path / ("long" * 99))):
        assert main(["export", str(small_campaign.path), folder]) == 2
        (told,) = capsys.readouterr().err.splitlines()
        assert f"cannot write {folder[:20]}" in told
    (tmp_path / "taken" / "Makefile").mkdir(parents=True)
    assert main(["export", str(small_campaign.path), str(tmp_path / "taken")]) == 2
    assert "holds other files (Makefile)" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["Makefile"]
    with CampaignWriter(tmp_path / "failed") as writer:
        failed = strategy_result(status="failed", stage="verify", reason="wrong", seconds=None)
        writer.record([Left([failed])])
    assert main(["export", str(tmp_path / "failed"), str(tmp_path / "lib")]) == 2
    told = capsys.readouterr().err
    assert "nothing to export: of 1 trials of strategies 0 are ok" in told
    alone = shutil.copytree(small_campaign.path, tmp_path / "alone")
    (alone / "campaign.yaml").unlink()
    assert main(["export", str(alone), str(tmp_path / "lib")]) == 2
    told = capsys.readouterr().err
    assert "alone: nothing to export: its configuration (campaign.yaml)" in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "lib").exists()


def test_two_problems_of_one_name_and_sizes_are_told_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a network's and a file's may be; the later configuration has another statement."""
    (settings,) = load_settings(["primitive=matmul", "primitive.sizes={m: 5, n: 16, k: 8}"])
    plain = settings.resolved["primitive"]
    more = [*plain["statements"], "c[m,n] = max(c[m,n], 0)"]
    documents = [
        {**settings.resolved, "primitive": {**plain, "statements": lines}}
        for lines in (plain["statements"], more)
    ]
    (problem,) = settings.problems
    first = primitive_from(problem.spec)
    schedule = ranked_schedules(first, AVX2, limit=1)[0].schedule
    facts = {"name": "matmul", "primitive": "matmul", "sizes": dict(first.sizes)}
    measured = strategy_result(
        problem=facts, schedule=str(schedule), kernel=compile_schedule(first, schedule).hash
    )
    with CampaignWriter(tmp_path / "campaign") as writer:
        (tmp_path / "campaign" / "campaign.yaml").write_text(configuration_text(documents, []))
        writer.record([Left([measured])])
    (one,) = exported_kernels(CampaignFolder(tmp_path / "campaign"))
    assert one.primitive == first
    with CampaignWriter(tmp_path / "campaign", resume=True) as writer:
        writer.record([Left([replace(measured, kernel="0" * 16)])])
    with pytest.raises(RecordError, match="none has a kernel that stands alone"):
        exported_kernels(CampaignFolder(tmp_path / "campaign"))
    assert "printed otherwise than when it was measured" in caplog.text


def test_a_network_whose_names_are_odd_is_exported_and_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of nodes end up in the configuration alone, that of the file in identifiers."""
    nodes = [
        node("Transpose", "x", "/layer1/a", perm=[1, 0, 2], name="/layer1/Transpose"),
        node("MatMul", "/layer1/a w", "b", name="${oc.env:HOME} */ \n---\n"),
        node("Abs", "b", "c", name="/layer1/Transpose"),
        node("Relu", "c", "d", name="long" * 99),
        node("Concat", "d d", "y", axis=0, name="\x1b[31m"),
    ]
    made = model(nodes, {"x": (3, 2, 4)}, "y", {"w": (2, 4, 4)})
    path = saved(made, tmp_path, "läyer 1 (x).onnx")
    folder = tmp_path / "campaign of *_ läyers"
    words = [f"workload.model={quoted(str(path))}", f"campaign.dir={quoted(str(folder))}"]
    assert main(["run", "workload=onnx", *words, "strategy=roofline", "baseline=[]", *BRIEF]) == 0
    assert main(["show", str(folder), "full=true"]) == 0
    assert "Concat: it moves elements and computes nothing" in capsys.readouterr().out
    assert [(row["problem"], row["status"]) for row in polydl.load(folder)] == [
        ("l_yer_1_x_00", "ok")
    ]
    assert main(["export", str(folder), str(tmp_path / "lib")]) == 0
    assert "0 wrong" in run("make", "-s", "test", cwd=tmp_path / "lib")
