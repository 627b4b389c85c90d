"""Tool environments: what a baseline needs that must not lie in this project's own environment.

Each is a folder of its own under the cache, made by `polydl baseline install NAME` and removed by
`polydl clean`: a Python environment with pinned packages, or Debian packages unpacked without
root, where there is apt. `manifest.json` is written last: without it an installation is not whole.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.baseline.baseline import Missing
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from harness.outside import json_of
from harness.own_files import is_own, own_bytes, private_folder, put
from harness.system_packages import installing_system

MANIFEST = "manifest.json"
SAID = 300  # letters of what a failed step said
STEP_SECONDS = 1800.0  # wall-clock limit of one step; a minute is normal
_APT = ("apt-get", "dpkg-deb")  # the programs that fetch and unpack
_VERSIONS = (
    "import importlib.metadata as m, json, sys;"
    "print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
)


@dataclass(frozen=True)
class PythonPackages:
    """A virtual environment. `alone` are installed without what they depend on."""

    alone: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class DebianPackages:
    """Unpacked below `root/`: nothing is installed into the system.

    `library` is what other systems' managers are asked for (harness.system_packages).
    """

    packages: tuple[str, ...]
    library: str

    @property
    def lacks(self) -> str | None:
        """The first program that is not here to unpack them; None on a system with apt."""
        return next((program for program in _APT if shutil.which(program) is None), None)


@dataclass(frozen=True)
class Tool:
    """A tool environment by name; `what` says in a few words what it holds.

    `finish` is called with the environment's folder once its packages are there. It may raise
    EnvironmentProblem.
    """

    name: str
    what: str
    content: PythonPackages | DebianPackages
    finish: Callable[[Path], None] | None = None

    @property
    def recipe(self) -> str:
        """Names the pinned content: an environment made by another recipe is another version."""
        text = json.dumps(asdict(self.content), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def command(self) -> str:
        """What makes it; on a system without apt, what brings the library of Debian packages."""
        if isinstance(self.content, DebianPackages) and self.content.lacks is not None:
            return installing_system(self.content.library)
        return f"polydl baseline install {self.name}"


@dataclass(frozen=True)
class Installed:
    """An environment that is whole; `versions` are those read back after installation."""

    folder: Path
    versions: dict[str, str]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def prefix(self) -> Path:
        """Where Debian packages have their /usr."""
        return self.folder / "root" / "usr"


def tool_folder(tool: Tool, toolchain: Toolchain) -> Path:
    return toolchain.cache / "tools" / tool.name


def state(tool: Tool, toolchain: Toolchain) -> Installed | Missing:
    """What is there of a tool: cheap, starts nothing."""
    folder = tool_folder(tool, toolchain)
    if not os.path.lexists(folder):
        return Missing(f"the environment of {tool.name} is missing", tool.command)
    if not is_own(folder):  # its interpreter would run as this user
        what = "can be written by other users"
        return Missing(f"the environment of {tool.name} {what}", tool.command)
    if not os.path.lexists(folder / MANIFEST):
        what = "is not whole (its installation did not end)"
        return Missing(f"the environment of {tool.name} {what}", tool.command)
    try:
        manifest = json_of((own_bytes(folder / MANIFEST) or b"").decode())
        recipe, versions = manifest["recipe"], dict(manifest["versions"])
    except (ValueError, KeyError, TypeError):
        return Missing(f"the environment of {tool.name} is broken (manifest)", tool.command)
    if recipe != tool.recipe:
        return Missing(f"the environment of {tool.name} is of another version", tool.command)
    found = Installed(folder, versions)
    needed = found.python if isinstance(tool.content, PythonPackages) else found.prefix
    if not needed.exists():
        return Missing(f"the environment of {tool.name} is broken (no {needed})", tool.command)
    return found


def install(tool: Tool, toolchain: Toolchain, told: Callable[[str], None]) -> Installed:
    """Make the environment anew; what was there goes. Raises EnvironmentProblem.

    `told` gets a line for each step. What cannot be made here takes away nothing.
    """
    if isinstance(tool.content, DebianPackages) and (lacks := tool.content.lacks) is not None:
        raise EnvironmentProblem(
            f"baseline install: {tool.name} is unpacked from Debian's "
            f"{', '.join(tool.content.packages)}, and {lacks} is not here; {tool.command}; "
            f"if that lies in neither /usr nor /usr/local: baseline.{tool.name}.path=PREFIX"
        )
    folder = tool_folder(tool, toolchain)
    if os.path.lexists(folder):
        told(f"removing {folder}")
        _remove(folder)
    private_folder(folder)
    if isinstance(tool.content, PythonPackages):
        versions = _install_python(tool.content, folder, told)
    else:
        versions = _install_debian(tool.content, folder, told)
    if tool.finish is not None:
        tool.finish(folder)
    manifest = {"name": tool.name, "recipe": tool.recipe, "versions": versions}
    put(folder / MANIFEST, f"{json.dumps(manifest, indent=1)}\n".encode())
    return Installed(folder, versions)


def _remove(folder: Path) -> None:
    try:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink()
    except OSError as error:
        raise EnvironmentProblem(f"cannot remove {folder}: {error.strerror}") from error


def _install_python(
    content: PythonPackages, folder: Path, told: Callable[[str], None]
) -> dict[str, str]:
    told(f"making a Python environment in {folder}")
    python = str(folder / "bin" / "python")
    if importlib.util.find_spec("uv") is not None:  # seconds where pip takes a minute
        uv = [sys.executable, "-P", "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)])
        pip = [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    else:
        _run([sys.executable, "-P", "-m", "venv", str(folder)])
        pip = [python, "-P", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if content.alone:
        told(f"installing {' '.join(content.alone)} (alone)")
        _run([*pip, "--no-deps", *content.alone])
    if content.packages:
        told(f"installing {' '.join(content.packages)}")
        _run([*pip, *content.packages])
    names = [package.partition("==")[0] for package in (*content.alone, *content.packages)]
    versions: dict[str, str] = json.loads(_run([python, "-c", _VERSIONS, *names]))
    return versions


def _install_debian(
    content: DebianPackages, folder: Path, told: Callable[[str], None]
) -> dict[str, str]:
    # Lists and cache of its own, so that neither root nor an update of the system is needed.
    apt = folder / "apt"
    (apt / "lists" / "partial").mkdir(parents=True)
    (apt / "archives" / "partial").mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt}"]
    told("reading the lists of packages")
    _run(["apt-get", "-qq", *own, "update"])
    told(f"fetching {' '.join(content.packages)}")
    _run(["apt-get", "-qq", *own, "download", *content.packages], cwd=apt)
    versions: dict[str, str] = {}
    for file in sorted(apt.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(file), str(folder / "root")])
        fields = _run(["dpkg-deb", "-f", str(file), "Package", "Version"])
        named = dict(line.split(": ", 1) for line in fields.splitlines())
        versions[named["Package"]] = named["Version"]
    shutil.rmtree(apt)
    return versions


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=STEP_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentProblem(f"{' '.join(command[:4])}: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or "no message"
        at = max(0, said.lower().find("error"))
        raise EnvironmentProblem(f"{' '.join(command[:5])} ...: {said[at : at + SAID]}")
    return done.stdout
