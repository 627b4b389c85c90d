"""A unit prepared with one cache is measured with another one, as on another node."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.kernel.library import library_bytes
from harness.kernel.toolchain import Toolchain
from harness.trial import prepare_unit
from harness.trial.prepared import PreparedUnit
from harness.trial.transfer import landed, packed
from tests.harness.accounts import UNTRUSTED, untrusted
from tests.harness.campaigns import BRIEF, NODE, TOY, plan_from


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> PreparedUnit:
    """Packed; the cache that it was compiled into is gone."""
    toolchain = Toolchain.opened(tmp_path_factory.mktemp("elsewhere"))
    (unit,) = plan_from(*TOY, *BRIEF, "baseline=[]").units
    made = packed(prepare_unit(unit, NODE.architecture, toolchain), toolchain)
    shutil.rmtree(toolchain.cache)
    return made


def library(prepared: PreparedUnit) -> Path:
    (contender,) = prepared.contenders
    assert contender.candidates[0].executable is not None
    return Path(str(contender.candidates[0].executable["library"]))


def test_compiled_kernels_travel(sent: PreparedUnit, tmp_path: Path, fresh: Toolchain) -> None:
    here = landed(sent, sent.unit, fresh)
    (compiled,) = sent.libraries.values()
    assert library(here).is_relative_to(tmp_path)
    assert library_bytes(library(here)) == compiled.data
    assert not here.libraries
    assert [path.name for path in library(here).parent.iterdir()] == [compiled.name]


@pytest.mark.parametrize("how", ["emptied", "garbled", *UNTRUSTED])
def test_what_the_cache_has_instead_is_replaced(
    how: str, sent: PreparedUnit, fresh: Toolchain
) -> None:
    file = library(landed(sent, sent.unit, fresh))
    if how in UNTRUSTED:
        untrusted(file, how)
    else:
        file.write_bytes(b"" if how == "emptied" else file.read_bytes()[:-9])
    assert library_bytes(file) is None
    assert library(landed(sent, sent.unit, fresh)) == file
    assert library_bytes(file) == next(iter(sent.libraries.values())).data


@pytest.mark.parametrize("data", [b"", b"no library"])
def test_what_was_garbled_on_its_way_is_compiled(
    data: bytes, sent: PreparedUnit, fresh: Toolchain
) -> None:
    garbled = {name: replace(one, data=data) for name, one in sent.libraries.items()}
    here = landed(replace(sent, libraries=garbled), sent.unit, fresh)
    assert library_bytes(library(here)) is not None


def test_a_node_with_another_compiler_compiles_for_itself(
    sent: PreparedUnit, fresh: Toolchain
) -> None:
    assert sent.compiler is not None
    foreign = replace(sent, compiler=replace(sent.compiler, target="another"))
    useless = {name: replace(one, data=b"") for name, one in sent.libraries.items()}
    here = landed(replace(foreign, libraries=useless), sent.unit, fresh)
    assert library(here).stat().st_size > 1000


def test_what_does_not_compile_there_is_data(sent: PreparedUnit, fresh: Toolchain) -> None:
    assert sent.compiler is not None
    broken = replace(
        sent,
        compiler=replace(sent.compiler, target="another"),
        kernels=dict.fromkeys(sent.kernels, "no C at all"),
    )
    (contender,) = landed(broken, sent.unit, fresh).contenders
    assert contender.status == "failed"
    assert contender.failure is not None and contender.failure.stage == "compile"


def test_baselines_get_ready_where_they_are_measured(sent: PreparedUnit, fresh: Toolchain) -> None:
    (unit,) = plan_from(*TOY, *BRIEF, "baseline=[twin]").units
    here = landed(sent, unit, fresh)
    assert [c.contender.name for c in here.contenders] == ["roofline", "twin"]
    assert here.contenders[1].deferred
    assert here.unit is unit
