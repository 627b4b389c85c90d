from __future__ import annotations

import os
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import CCompiler, NoCompiler
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import untrusted


def test_it_opens_a_closed_folder_and_finds_the_compiler(tmp_path: Path) -> None:
    found = Toolchain.opened(tmp_path / "a" / "cache")
    assert isinstance(found.compiler, CCompiler)
    assert found.scratch == tmp_path / "a" / "cache" / "scratch"
    for folder in (found.cache, found.scratch):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert Toolchain.opened(tmp_path / "a" / "cache") == found
    with pytest.raises(FrozenInstanceError):
        found.cache = tmp_path  # type: ignore[misc]


def test_a_tilde_is_the_home_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Toolchain.opened(Path("~/c")).cache == tmp_path / "c"


def test_without_a_compiler_it_opens_and_says_so_when_it_is_asked(fresh: Toolchain) -> None:
    bare = replace(fresh, found=NoCompiler("none is here"))
    with pytest.raises(EnvironmentProblem, match="none is here"):
        bare.compiler  # noqa: B018


@pytest.mark.parametrize("what", ["the cache", "scratch"])
def test_a_file_in_its_place_is_one_line(what: str, tmp_path: Path) -> None:
    place = tmp_path / "cache" if what == "the cache" else tmp_path / "cache" / "scratch"
    place.parent.mkdir(exist_ok=True)
    place.touch()
    with pytest.raises(EnvironmentProblem, match="cannot be used: it is no folder") as problem:
        Toolchain.opened(tmp_path / "cache")
    assert "\n" not in str(problem.value)


def test_somebody_elses_cache_is_refused_with_the_remedy(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    if os.geteuid() == 0:
        cache.mkdir()
        untrusted(cache, "another's")
    else:
        cache.symlink_to("/usr")
    with pytest.raises(EnvironmentProblem, match=r"belongs to user .* set XDG_CACHE_HOME"):
        Toolchain.opened(cache)
