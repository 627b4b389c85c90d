"""Where a local Ray puts its sockets, what no address is, what is installed on nodes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.choices import ClusterChoice
from harness.cluster.ray_start import LONGEST_SESSIONS, installed_with, join, session_folder
from harness.errors import EnvironmentProblem, SettingsError
from harness.settings import load_settings

SOCKET = "/session_2026-11-25_12-00-00_123456_1234567/sockets/plasma_store"
USER = f"polydl-{os.geteuid()}"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short one: pytest's own would be too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_it_lies_in_a_folder_that_is_closed(temporary: Path) -> None:
    (temporary / USER).mkdir(mode=0o777)
    assert session_folder() == temporary / USER / "ray"
    assert (temporary / USER).stat().st_mode & 0o777 == 0o700


def test_a_file_in_its_place_is_one_line(temporary: Path) -> None:
    (temporary / USER).touch()
    with pytest.raises(EnvironmentProblem, match="no folder; set TMPDIR to another folder"):
        session_folder()


def test_a_path_too_long_for_a_socket_is_one_line(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = LONGEST_SESSIONS - len(f"/{USER}/ray")
    fits = temporary / ("n" * (most - len(f"{temporary}/")))
    for folder in (fits, Path(f"{fits}n")):
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(fits))
    assert len(f"{session_folder()}{SOCKET}") == 107
    monkeypatch.setattr(tempfile, "tempdir", f"{fits}n")
    with pytest.raises(EnvironmentProblem, match=f"TMPDIR to a folder of at most {most} char"):
        session_folder()


def choice(*words: str) -> ClusterChoice:
    (settings,) = load_settings(["cluster=ray", *words])
    return settings.cluster


def test_rays_client_is_refused_with_what_to_do() -> None:
    with pytest.raises(SettingsError) as caught:
        join(choice("cluster.address='ray://head:10001'"))
    message = str(caught.value)
    assert "cluster.address=HOST:6379" in message and "ray job submit" in message
    assert len(message) <= 300


@pytest.mark.parametrize("address", ["head", ":6379", "head:six", "head:\u00b2", "a" * 400])
def test_what_is_no_address_is_one_line(address: str) -> None:
    with pytest.raises(SettingsError, match=r"cluster\.address must be auto or HOST:PORT, got"):
        join(choice(f"cluster.address='{address}'"))


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "127.0.0.1:99999"])
def test_a_host_that_can_be_none_does_not_answer(host: str) -> None:
    """Names that are refused before any server is asked, and a port that none has."""
    address = host if ":" in host else f"{host}:6379"
    with pytest.raises(EnvironmentProblem, match="nothing answers there"):
        join(choice(f"cluster.address='{address}'"))


def test_packages_are_installed_at_the_drivers_versions() -> None:
    versions = {"numpy": "2.4.6", "islpy": "2026.2.2"}
    assert installed_with(choice().install, versions) == {}
    assert installed_with(choice("cluster.install=uv").install, versions) == {
        "uv": {"packages": ["islpy==2026.2.2", "numpy==2.4.6"], "uv_check": False}
    }
    assert "pip" in installed_with(choice("cluster.install=pip").install, versions)
