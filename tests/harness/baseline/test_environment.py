"""Tool environments: what is missing, broken or of another version says so in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.baseline.baseline import Missing
from harness.baseline.tool.environment import (
    MANIFEST,
    DebianPackages,
    Installed,
    PythonPackages,
    Tool,
    install,
    state,
    tool_folder,
)
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import UNTRUSTED, untrusted

TOOL = Tool("clock", "a clock", PythonPackages())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    toolchain = Toolchain.opened(tmp_path_factory.mktemp("cache"))
    install(TOOL, toolchain, lambda line: None)
    return toolchain


def refused(tool: Tool, toolchain: Toolchain) -> str:
    found = state(tool, toolchain)
    assert isinstance(found, Missing)
    assert found.command == f"polydl baseline install {tool.name}"
    assert "\n" not in str(found)
    return found.reason


def test_an_installed_one_is_found(installed: Toolchain) -> None:
    found = state(TOOL, installed)
    assert isinstance(found, Installed)
    assert found.python.exists()


def test_what_is_not_there_says_so(fresh: Toolchain) -> None:
    assert refused(TOOL, fresh) == "the environment of clock is missing"


def test_another_recipe_is_another_version(installed: Toolchain) -> None:
    newer = Tool("clock", "a clock", PythonPackages(packages=("clock==2",)))
    assert refused(newer, installed) == "the environment of clock is of another version"


def test_an_installation_that_did_not_end_is_not_taken(fresh: Toolchain) -> None:
    def stops(folder: Path) -> None:
        raise EnvironmentProblem("no compiler")

    with pytest.raises(EnvironmentProblem, match="no compiler"):
        install(
            Tool("clock", "a clock", PythonPackages(), stops),
            fresh,
            lambda line: None,
        )
    assert "did not end" in refused(TOOL, fresh)


def test_a_package_that_is_nowhere_is_one_line(tmp_path: Path, fresh: Toolchain) -> None:
    nowhere = f"clock @ file://{tmp_path}/clock.whl"
    tool = Tool("clock", "a clock", PythonPackages(alone=(nowhere,)))
    with pytest.raises(EnvironmentProblem) as problem:
        install(tool, fresh, lambda line: None)
    assert "\n" not in str(problem.value)
    assert "clock" in str(problem.value)


def test_without_apt_it_says_how_else_and_takes_nothing_away(
    tmp_path: Path, fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = Tool("clock", "a clock", DebianPackages(("libclock3",), "clock"))
    installation = tool_folder(tool, fresh) / "root" / "usr" / "libclock.so"
    installation.parent.mkdir(parents=True)
    installation.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    for program in ("apt-get", "dpkg-deb"):
        found = state(tool, fresh)
        assert isinstance(found, Missing)
        assert found.command == "install clock by this system's own means"
        with pytest.raises(EnvironmentProblem) as problem:
            install(tool, fresh, lambda line: None)
        assert f"Debian's libclock3, and {program} is not here; {found.command}" in str(
            problem.value
        )
        assert "baseline.clock.path=" in str(problem.value) and installation.exists()
        (tmp_path / program).write_text("no program")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(EnvironmentProblem, match=r"apt-get -qq -o Dir.*: .*Exec format error"):
        install(tool, fresh, lambda line: None)


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"recipe": TOOL.recipe})])
def test_a_broken_manifest_is_no_installation(fresh: Toolchain, text: str) -> None:
    folder = tool_folder(TOOL, fresh)
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(text)
    assert "broken (manifest)" in refused(TOOL, fresh)


def test_an_interpreter_that_has_gone_is_seen(fresh: Toolchain) -> None:
    folder = tool_folder(TOOL, fresh)
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps({"recipe": TOOL.recipe, "versions": {}}))
    assert "broken (no " in refused(TOOL, fresh)


@pytest.mark.parametrize("how", UNTRUSTED)
def test_one_that_others_can_have_written_is_made_anew(how: str, fresh: Toolchain) -> None:
    """Its interpreter would run as whoever measures."""
    install(TOOL, fresh, lambda line: None)
    untrusted(tool_folder(TOOL, fresh), how)
    assert "can be written by other users" in refused(TOOL, fresh)
    install(TOOL, fresh, lambda line: None)
    assert isinstance(state(TOOL, fresh), Installed)


def test_a_file_or_a_link_in_its_place_goes(tmp_path: Path, fresh: Toolchain) -> None:
    folder = tool_folder(TOOL, fresh)
    folder.parent.mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    folder.symlink_to(tmp_path / "theirs")
    assert "other users" in refused(TOOL, fresh)
    install(TOOL, fresh, lambda line: None)
    assert not folder.is_symlink() and (tmp_path / "theirs" / "file").exists()
