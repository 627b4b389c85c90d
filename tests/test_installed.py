"""The wheel: it holds what a checkout holds, and runs where no checkout is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.harness.campaigns import BRIEF, TOY
from tests.programs import python_of

ROOT = Path(__file__).resolve().parents[1]
TREES = ("compiler", "conf", "harness")
FILES = ("LICENSE", "README.md", "polydl.py", "pyproject.toml", "setup.py")
MINORS = (11, 12, 13)
START = "import sys; from harness.cli import main; sys.exit(main())"


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


def test_an_installed_wheel_runs_away_from_the_checkout(
    wheel: Path, tmp_path: Path, build_cache: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    words = ["run", *TOY, *BRIEF, "baseline=[]", "campaign.dir=one"]
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        env={**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(build_cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one" / "results.jsonl").is_file()


@pytest.mark.soak
@pytest.mark.parametrize("minor", MINORS)
def test_a_new_environment_runs_a_trial(minor: int, wheel: Path, tmp_path: Path) -> None:
    """With every Python that README.md names, dependencies and all."""
    python = python_of(minor)
    if python is None:
        pytest.skip(f"needs Python 3.{minor}: pyenv install 3.{minor}")
    environment = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", environment], check=True)
    python_inside = str(environment / "bin" / "python")
    pip = [python_inside, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", f"{wheel}[report]"], check=True)
    done = subprocess.run(
        [environment / "bin" / "polydl", "run", *TOY, *BRIEF, "baseline=[naive]"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 trials: 2 ok" in done.stdout


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
