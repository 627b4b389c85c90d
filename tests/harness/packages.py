"""Packages as pip leaves them: modules and their .dist-info in a folder of the search path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).with_name("example_package")
EntryPoints = Mapping[str, Mapping[str, str]]  # by group and name


def install_example(target: Path) -> None:
    """The example package, by what its pyproject.toml declares."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (module,) = EXAMPLE.glob("*.py")
    install(
        target,
        project["name"],
        project["version"],
        project["entry-points"],
        {module.name: module.read_text()},
    )


def install(
    target: Path, name: str, version: str, groups: EntryPoints, modules: Mapping[str, str]
) -> None:
    """A package of these modules, texts by file name."""
    info = target / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for file, text in modules.items():
        (target / file).write_text(text)
