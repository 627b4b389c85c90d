"""LIBXSMM against the reference, its blocks, and where it is found."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.baseline.baseline import Missing, Prepared, Unprepared
from harness.baseline.libxsmm import libxsmm as module
from harness.baseline.libxsmm.layouts import in_block, out_block
from harness.baseline.libxsmm.libxsmm import TOOL, Libxsmm, installation_at
from harness.kernel.load import LoadError, load
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from tests.harness.baseline.cases import CONVOLUTIONS, PRODUCTS, check
from tests.harness.baseline.specs import conv2d, depthwise, matmul, primitive

CASES = CONVOLUTIONS | PRODUCTS
THREADED = ("stride", "1x1", "grouped", "matmul in several blocks", "batched")


@pytest.fixture
def libxsmm(toolchain: Toolchain, libxsmm_path: str | None) -> Libxsmm:
    if libxsmm_path is None:
        pytest.skip("LIBXSMM is not here and apt-get cannot fetch it")
    return Libxsmm(toolchain, path=libxsmm_path)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_reference(case: str, libxsmm: Libxsmm) -> None:
    told = check(libxsmm, CASES[case])
    assert "LIBXSMM kernels" in str(told["implementation"])


@pytest.mark.parametrize("case", THREADED)
def test_agrees_on_two_threads(case: str, libxsmm: Libxsmm) -> None:
    check(libxsmm, CASES[case], threads=2)


def test_says_how_it_lies(libxsmm: Libxsmm) -> None:
    told = check(libxsmm, primitive(conv2d(ic=128, oc=64)))
    layouts = told["layouts"]
    assert isinstance(layouts, dict)
    block = out_block(64, vector_facts().bytes // 4)
    assert layouts == {
        "data": "aBcd64b padded 1+1 1+1",
        "weight": f"ABcd64b{block}a",
        "out": f"aBcd{block}b",
    }
    assert told["version"] == told["libxsmm"] == "1.17"


def test_blocks_are_wide_and_lose_little() -> None:
    assert [in_block(channels) for channels in (3, 17, 64, 80, 512, 728)] == [3, 17, 64, 40, 64, 56]
    assert in_block(127) == 64  # a prime number: 128 with one channel of zeros
    assert [out_block(n, 16) for n in (5, 64, 100, 256)] == [16, 64, 64, 64]
    assert [out_block(n, 8) for n in (5, 17, 48, 64, 208)] == [8, 24, 24, 32, 32]


def test_depthwise_is_refused_by_name(fresh: Toolchain) -> None:
    problem = primitive(depthwise())
    reason = Libxsmm(fresh).supports(problem)
    assert reason is not None
    assert reason.startswith("unsupported: depthwise: one channel a group")


def test_wrong_configurations_are_refused(libxsmm: Libxsmm) -> None:
    prepared = libxsmm.prepare(primitive(matmul()), 1)
    assert isinstance(prepared, Prepared)
    with pytest.raises(LoadError, match="unknown kind 'pooling'"):
        load({**prepared.executable, "configuration": {"kind": "pooling"}})
    with pytest.raises(LoadError, match="no 'a'"):
        load({**prepared.executable, "configuration": {"kind": "matmul"}})


def test_an_installation_has_a_header_and_both_libraries(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include/libxsmm_version.h").write_text('#define LIBXSMM_CONFIG_VERSION "1.16.3"\n')
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64/libxsmm.a").touch()
    assert installation_at(tmp_path) is None
    (tmp_path / "lib64/libxsmmnoblas.a").touch()
    found = installation_at(tmp_path)
    assert found is not None
    assert (found.version, found.libraries) == ("1.16.3", tmp_path / "lib64")


def test_where_it_is_missing_the_command_fetches_it(
    tmp_path: Path, fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYSTEM", ())
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    answer = Libxsmm(fresh).available()
    assert isinstance(answer, Missing)
    assert answer.command == TOOL.command == "polydl baseline install libxsmm"
    named = Libxsmm(fresh, path=str(tmp_path)).available()
    assert isinstance(named, Missing)
    assert f"path={tmp_path}" in named.reason
    unready = Libxsmm(fresh).prepare(primitive(matmul()), 1)
    assert isinstance(unready, Unprepared)
    assert TOOL.command in unready.reason


def test_other_processors_are_told(fresh: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    answer = Libxsmm(fresh).available()
    assert isinstance(answer, Missing)
    assert "x86-64 alone, this machine is aarch64" in answer.reason


def test_an_adapter_that_does_not_compile_is_a_failure(tmp_path: Path) -> None:
    for name in ("include/libxsmm.h", "include/libxsmm_version.h", "lib/libxsmm.a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#error broken on purpose\n")
    (tmp_path / "lib/libxsmmnoblas.a").touch()
    answer = Libxsmm(Toolchain.opened(tmp_path / "cache"), path=str(tmp_path)).prepare(
        primitive(matmul()), 1
    )
    assert isinstance(answer, Unprepared)
    assert answer.stage == "compile"
