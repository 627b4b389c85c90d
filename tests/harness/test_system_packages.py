"""Every system is told in its own words how to install what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.system_packages import KNOWN, MANAGERS, NAMES, installing_system


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which a test puts a package manager."""
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _put(folder: Path, program: str) -> None:
    file = folder / program
    file.touch()
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("manager", "told"),
    [
        ("apt-get", "apt-get install g++ libopenblas0-pthread"),
        ("dnf", "dnf install gcc-c++ openblas-openmp"),
        ("zypper", "zypper install gcc-c++ libopenblas_pthreads0"),
        ("pacman", "pacman -S gcc openblas"),
        ("apk", "apk add g++ openblas"),
        ("conda", "conda install -c conda-forge gxx libopenblas"),
    ],
)
def test_each_manager_has_its_own_names(manager: str, told: str, system: Path) -> None:
    _put(system, manager)
    assert installing_system("g++", "openblas", path=str(system)) == told


def test_a_package_is_named_once(system: Path) -> None:
    _put(system, "pacman")
    assert installing_system("gcc", "g++", path=str(system)) == "pacman -S gcc"


def test_conda_has_what_the_system_has_not(system: Path) -> None:
    _put(system, "pacman")
    assert installing_system("libxsmm", path=str(system)) == (
        "install libxsmm by this system's own means"
    )
    _put(system, "conda")
    assert installing_system("libxsmm", path=str(system)) == (
        "conda install -c conda-forge libxsmm"
    )


def test_without_any_manager_it_is_said_in_words(system: Path) -> None:
    told = installing_system("gcc", "binutils", path=str(system))
    assert told == "install gcc and binutils by this system's own means"


def test_names_are_known_for_every_manager() -> None:
    assert NAMES.keys() == {*MANAGERS, "conda"}
    assert all({"gcc", "g++", "binutils", "openblas"} <= names.keys() for names in NAMES.values())
    assert all(set(names) <= set(KNOWN) for names in NAMES.values())
