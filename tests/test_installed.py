"""The wheel: it holds what a checkout holds, and runs where no checkout is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from harness.record.journal import CampaignFolder
from tests.docs.commands import in_blocks, script
from tests.harness.campaigns import BRIEF
from tests.programs import python_of

ROOT = Path(__file__).resolve().parents[1]
TREES = ("compiler", "conf", "harness")
FILES = ("LICENSE", "README.md", "polydl.py", "pyproject.toml", "setup.py")
MINORS = (11, 12, 13)
TUTORIAL, STRATEGY = (ROOT / "docs" / page for page in ("tutorial.md", "how-to/strategy.md"))
START = "import sys; from harness.cli import main; sys.exit(main())"
FETCHING = re.compile("HOME|(PIP|UV)_.*|SSL_CERT_.*|.*_proxy", re.IGNORECASE)  # packages
BRIEFLY = f'[ "$1" = run ] && set -- "$@" {" ".join(BRIEF)}\n'  # behind the words of a run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since a build leaves folders beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for tree in TREES:
        shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    command = [*pip, "--no-deps", "--wheel-dir", str(folder), str(folder)]
    subprocess.run(command, check=True, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_packages_with_conf_inside(wheel: Path) -> None:
    files = (path for tree in TREES for path in (ROOT / tree).rglob("*") if path.is_file())
    names = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    inside = {f"harness/{name}" if name.startswith("conf/") else name for name in names}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {"polydl.py", *inside}


def test_an_installed_wheel_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    words = ["explain", "primitive=matmul", "architecture=xeon_8280"]
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        env={"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "polydl_kernel" in done.stdout, done.stderr[-2000:]


@pytest.mark.soak
def test_an_installed_wheel_follows_the_tutorial(
    wheel: Path, tmp_path: Path, build_cache: Path
) -> None:
    """Every command as it stands, away from the checkout, measured as briefly as can be."""
    site, programs, folder = (tmp_path / name for name in ("site", "programs", "tutorial"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program(programs / "python", sys.executable)
    program(programs / "polydl", sys.executable, f"-c '{START}'", BRIEFLY)
    folder.mkdir()
    run = [command for command in in_blocks(TUTORIAL) if command.mark == "run"]
    environment = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(build_cache)}
    follow(script(TUTORIAL, run), folder, programs, environment)
    assert (folder / "review.html").is_file()


def program(file: Path, python: str, words: str = "", first: str = "") -> None:
    """One that starts a Python with these words before its own."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'#!/bin/sh\n{first}exec "{python}" {words} "$@"\n')
    file.chmod(0o755)


def follow(text: str, folder: Path, programs: Path, more: Mapping[str, str]) -> None:
    """Run the script of a page in a folder, with these programs first on the PATH."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if FETCHING.fullmatch(name)}
    done = subprocess.run(
        ["bash", "-c", text],
        env={**kept, **more, "PATH": path, "LC_ALL": "C.UTF-8"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.soak
@pytest.mark.parametrize("minor", MINORS)
def test_a_new_environment_follows_the_tutorial(minor: int, wheel: Path, tmp_path: Path) -> None:
    """With every Python that README.md names, and all dependencies; then a strategy is added."""
    python = python_of(minor)
    if python is None:
        pytest.skip(f"needs Python 3.{minor}: pyenv install 3.{minor}")
    program(tmp_path / "programs" / "python3", python)
    from_wheel = [one for one in in_blocks(TUTORIAL) if one.mark == "run" or "_env" in one.text]
    text = "\n".join([script(TUTORIAL, from_wheel), script(STRATEGY, in_blocks(STRATEGY))])
    folder = tmp_path / "tutorial"
    folder.mkdir()
    more = {"WHEEL": str(wheel), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    follow(text, folder, tmp_path / "programs", more)
    assert len(CampaignFolder(folder / "runs" / "late").results()) == 3


@pytest.mark.soak
def test_a_fresh_clone_follows_the_tutorial(tmp_path: Path) -> None:
    """What is committed, and README's first command before it."""
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "polydl"], check=True)
    (demo,) = (
        one.text for one in in_blocks(ROOT / "README.md") if one.text.startswith("make demo")
    )
    install = [
        one.text for one in in_blocks(TUTORIAL) if one.mark == "slow" and "_env" not in one.text
    ]
    run = [one for one in in_blocks(TUTORIAL) if one.mark == "run"]
    text = "\n".join(
        ["set -eux", demo, *install, "mkdir ../empty", "cd ../empty", script(TUTORIAL, run)]
    )
    follow(text, tmp_path / "polydl", tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (tmp_path / "empty" / "review.html").is_file()


def test_the_readme_names_the_pythons_that_are_tried() -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    assert f"Python 3.{MINORS[0]}, 3.{MINORS[1]} and 3.{MINORS[2]} on" in text


def test_there_is_one_version() -> None:
    """What is installed says that of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changes = (ROOT / "CHANGELOG.md").read_text().splitlines()
    newest = next(line for line in changes if line.startswith("## "))
    assert citation["version"] == version == newest.removeprefix("## ").partition(",")[0]
