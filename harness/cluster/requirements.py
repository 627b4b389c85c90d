"""What a node needs to take part. Imports nothing but the standard library and small own modules,
so that it runs, and can say so, where everything else is missing.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from harness.account import expanded
from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import NoCompiler, compiler_here
from harness.own_files import private_folder
from harness.system_packages import installing_system

PACKAGES = ("islpy", "numpy", "psutil", "scipy")  # beside Ray and Python itself


@dataclass(frozen=True)
class Lack:
    """Something that a node is without, and the command that mends it there."""

    what: str
    command: str

    def __str__(self) -> str:
        return f"{self.what} (mend: {self.command})"


def versions_here() -> dict[str, str]:
    """Of the packages that every node needs, as installed in this interpreter."""
    return {name: metadata.version(name) for name in PACKAGES}


def lacks_here(versions: Mapping[str, str], cache: Path) -> list[Lack]:
    """What this node is without; `versions` are those that the driver runs."""
    return [*_packages(versions), *_compiler(), *_folder(cache)]


def _packages(versions: Mapping[str, str]) -> Sequence[Lack]:
    missing = [name for name in versions if util.find_spec(name) is None]
    if not missing:
        return ()
    wanted = shlex.join(f"{name}=={versions[name]}" for name in missing)
    mend = f"{shlex.quote(sys.executable)} -m pip install {wanted}; or cluster.install=uv"
    return (Lack(", ".join(missing), mend),)


def _compiler() -> Sequence[Lack]:
    if isinstance(compiler_here(), NoCompiler):
        return (
            Lack(
                "a C compiler on Ray's PATH", f"{installing_system('gcc')}, then restart Ray there"
            ),
        )
    return ()


def _folder(cache: Path) -> Sequence[Lack]:
    try:
        with tempfile.TemporaryFile(dir=private_folder(expanded(cache))) as file:
            file.write(b"x" * 4096)
    except (EnvironmentProblem, OSError) as error:
        what = f"a cache folder that can be written ({error})"
        return (Lack(what, "set XDG_CACHE_HOME on the driver to one that all nodes have"),)
    return ()
