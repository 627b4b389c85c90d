"""LIBXSMM as a baseline: its kernels under loops of blocks, its static library in the adapter."""

from __future__ import annotations

import platform
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from compiler.problem.dtypes import F32
from compiler.problem.primitive import Primitive
from harness.baseline.adapter.build import (
    BuiltAdapter,
    build_adapter,
    compiler_version,
    cxx_compiler,
)
from harness.baseline.adapter.prepared import Operator, prepared_adapter, refusal
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.libxsmm.layouts import configuration
from harness.baseline.recognition.products import Convolution
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.tool.environment import DebianPackages, Installed, Tool, state
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import vector_facts
from harness.system_packages import installing_system

SOURCE = Path(__file__).with_name("libxsmm_adapter.cpp")
TOOL = Tool(
    "libxsmm", "LIBXSMM 1.17, as Debian packages it", DebianPackages(("libxsmm-dev",), "libxsmm")
)
SYSTEM = (Path("/usr"), Path("/usr/local"))
# Built by itself, LIBXSMM wants a BLAS for what it has no kernel for; `noblas` stands in for one.
LIBRARIES = ("libxsmm.a", "libxsmmnoblas.a")


@dataclass(frozen=True)
class Installation:
    """Header and libraries of one LIBXSMM."""

    include: Path
    libraries: Path  # the folder of LIBRARIES
    version: str


@dataclass(frozen=True)
class LibxsmmOptions:
    path: str | None = None  # an installation; None: what is found by itself


@dataclass(frozen=True)
class Libxsmm:
    """The baseline. `path` is an installation prefix and comes before anything found by itself."""

    toolchain: Toolchain
    path: str | None = None
    name: str = "libxsmm"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        found = self.installation()
        if isinstance(found, Missing):
            return found
        compiler = cxx_compiler()
        if compiler is None:
            return Missing("LIBXSMM's adapter needs a C++ compiler", installing_system("g++"))
        facts = {
            "libxsmm": found.version,
            "libxsmm_library": str(found.libraries / LIBRARIES[0]),
            "cxx": compiler_version(compiler),
        }
        return Available(found.version, facts)

    def supports(self, primitive: Primitive) -> str | None:
        return refusal(primitive, _check)

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        found, compiler = self.installation(), cxx_compiler()
        if isinstance(found, Missing):
            return Unprepared("plan", str(found))
        if compiler is None:
            return Unprepared("plan", "LIBXSMM's adapter needs a C++ compiler")

        def configured(operator: Operator) -> dict[str, object]:
            _check(operator)
            return configuration(operator, threads, vector_facts().bytes // F32.bytes)

        def build() -> BuiltAdapter:
            return build_adapter(
                SOURCE,
                compiler,
                flags=("-fopenmp", f"-I{found.include}"),
                library=found.libraries / LIBRARIES[0],
                others=tuple(f"-l:{name}" for name in LIBRARIES[1:]),
                version=found.version,
                toolchain=self.toolchain,
            )

        return prepared_adapter(primitive, configured, build, {"libxsmm": found.version})

    def installation(self) -> Installation | Missing:
        """Where it is: the given path, else the system, else a tool environment."""
        if platform.machine() not in ("x86_64", "AMD64"):
            what = f"LIBXSMM generates code for x86-64 alone, this machine is {platform.machine()}"
            return Missing(what, "leave libxsmm out of baseline=[...] on this machine")
        if self.path is not None:
            found = installation_at(Path(self.path).expanduser())
            what = f"no libxsmm.h and {' and '.join(LIBRARIES)} under path={self.path}"
            return found or Missing(f"baseline libxsmm: {what}", TOOL.command)
        for prefix in SYSTEM:
            found = installation_at(prefix)
            if found is not None:
                return found
        tool = state(TOOL, self.toolchain)
        if not isinstance(tool, Installed):
            return tool
        found = installation_at(tool.prefix)
        return found or Missing(f"no LIBXSMM under {tool.prefix}", TOOL.command)


def libxsmm(options: LibxsmmOptions, toolchain: Toolchain) -> Libxsmm:
    return Libxsmm(toolchain, options.path)


LIBXSMM = Builder(LibxsmmOptions, libxsmm)


def installation_at(prefix: Path) -> Installation | None:
    """The LIBXSMM under an installation prefix (headers in include, libraries in lib*), or None."""
    header = prefix / "include" / "libxsmm_version.h"
    multiarch = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    folders = [prefix / "lib", prefix / "lib64", prefix / "lib" / str(multiarch)]
    libraries = next((f for f in folders if all((f / name).exists() for name in LIBRARIES)), None)
    if libraries is None or not header.is_file():
        return None
    named = re.search(r'LIBXSMM_CONFIG_VERSION "([^"]+)"', header.read_text(errors="replace"))
    return Installation(header.parent, libraries, named.group(1) if named else "unknown")


def _check(operator: Operator) -> None:
    """Raises Unrecognised for what has no matrix product in it."""
    if isinstance(operator, Convolution) and operator.groups > 1:
        channels = operator.data.dims[1] // operator.groups
        if channels == 1:
            raise Unrecognised("one channel a group (depthwise) leaves no matrix product")
