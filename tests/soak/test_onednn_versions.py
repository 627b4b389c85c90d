"""oneDNN in another version than the extra's: the one that has Winograd, installed anew."""

from __future__ import annotations

import pytest

from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Available
from harness.baseline.onednn.onednn import TOOL, OneDnn
from harness.baseline.tool.environment import install
from harness.kernel.toolchain import Toolchain
from tests.compiler.problem.operators import shipped
from tests.harness.baseline import test_onednn, test_onednn_chains, test_onednn_post_ops

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> OneDnn:
    """Fails where its wheels cannot be fetched."""
    toolchain = Toolchain.opened(tmp_path_factory.mktemp("onednn"))
    return OneDnn(toolchain, path=str(install(TOOL, toolchain, print).folder))


def test_is_another_version(older: OneDnn) -> None:
    found, usual = older.available(), OneDnn(older.toolchain).available()
    assert isinstance(found, Available)
    assert isinstance(usual, Available)
    assert found.version.startswith("2.6.")
    assert found.version != usual.version


@pytest.mark.parametrize("case", test_onednn.CASES)
def test_agrees_with_the_statement(case: str, older: OneDnn) -> None:
    test_onednn.test_agrees_with_the_statement(case, older)


@pytest.mark.parametrize("case", test_onednn_post_ops.CASES)
def test_agrees_with_the_reference(case: str, older: OneDnn) -> None:
    test_onednn_post_ops.check(older, test_onednn_post_ops.CASES[case])


@pytest.mark.parametrize("case", test_onednn_chains.CASES)
def test_chains_agree_with_their_statements(case: str, older: OneDnn) -> None:
    test_onednn_chains.told(older, primitive_from(test_onednn_chains.CASES[case]))


def test_it_writes_no_blocks_that_channels_do_not_fill(older: OneDnn) -> None:
    """24 channels in blocks of 8: its binary primitive moves 16 at once."""
    for name in ("residual_relu", "binary_add"):
        test_onednn_chains.told(older, primitive_from(shipped(name, n=2, c=24, h=5, w=7)))
