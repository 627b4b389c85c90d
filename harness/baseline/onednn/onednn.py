"""oneDNN as a baseline: found on this host, its adapter compiled against the headers found."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.problem.primitive import Primitive
from harness.baseline.adapter.build import (
    AdapterBuildError,
    build_adapter,
    compiler_version,
    cxx_compiler,
)
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.onednn.configuration import configuration_of
from harness.baseline.recognition.chains import MOVED, Chain, recognise_chain
from harness.baseline.recognition.operators import rounds_inside
from harness.baseline.recognition.products import Convolution
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.recognition.with_post_ops import WithPostOps
from harness.baseline.tool.environment import Installed, PythonPackages, Tool, state
from harness.baseline.wheels import installing_wheels
from harness.bounds import one_of
from harness.kernel.toolchain import Toolchain
from harness.record.result import TuningSeconds
from harness.system_packages import installing_system

SOURCE = Path(__file__).with_name("onednn_adapter.cpp")
RUNTIME_WHEEL = "onednn-cpu-gomp"
HEADERS_WHEEL = "onednn-devel-cpu-gomp"
WHEEL_VERSION = "2023.2.0"


def _wheels(version: str) -> tuple[str, ...]:
    """What pip is asked for; there are wheels for x86-64 alone."""
    return tuple(f"{wheel}=={version}" for wheel in (RUNTIME_WHEEL, HEADERS_WHEEL))


# The last version that is packaged and has Winograd for x86-64: 2.6.
WINOGRAD_VERSION = "2022.2.1"
TOOL = Tool(
    "onednn_winograd",
    "oneDNN 2.6 with Winograd",
    PythonPackages(packages=_wheels(WINOGRAD_VERSION)),
)
# A run path that also holds for what the library needs itself.
FLAGS = ("-fopenmp", "-Wl,--disable-new-dtags")
PROBE_SECONDS = 60.0  # limit; half a second is normal
_PROBE = """
import ctypes, sys
library, error = ctypes.CDLL(sys.argv[1]), ctypes.create_string_buffer(512)
library.polydl_adapter_create.restype = ctypes.c_void_p
if not library.polydl_adapter_create(sys.argv[2].encode(), error, ctypes.c_size_t(512)):
    sys.exit(error.value.decode())
"""
ALGORITHMS = ("direct", "winograd", "auto")
WINOGRAD = "Winograd's transforms round what plain sums keep exact"
VERSION_HEADERS = ("include/oneapi/dnnl/dnnl_version.h", "include/dnnl_version.h")


@dataclass(frozen=True)
class OneDnnOptions:
    path: str | None = None  # an installation; None: what is found by itself
    algorithm: str = one_of("direct", ALGORITHMS)  # of convolutions


@dataclass(frozen=True)
class Installation:
    """Headers and library of one oneDNN."""

    include: Path  # holds oneapi/dnnl/dnnl.hpp
    library: Path  # libdnnl.so
    version: str


@dataclass(frozen=True)
class OneDnn:
    """The baseline. `path` is an installation prefix and comes before anything found by itself."""

    toolchain: Toolchain
    path: str | None = None
    algorithm: str = "direct"  # of convolutions
    layout: str = "free"
    name: str = "onednn"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        found = self._installation()
        if isinstance(found, Missing):
            return found
        compiler = cxx_compiler()
        if compiler is None:
            return Missing("oneDNN's adapter needs a C++ compiler", installing_system("g++"))
        facts = {
            "onednn": found.version,
            "onednn_library": str(found.library),
            "cxx": compiler_version(compiler),
        }
        return Available(found.version, facts)

    def supports(self, primitive: Primitive) -> str | None:
        try:
            chain = recognise_chain(primitive)
        except Unrecognised as reason:
            return f"unsupported: {primitive.name}: {reason}"
        if self.algorithm != "winograd" or _convolves(chain):
            return None
        return f"unsupported: {primitive.name}: winograd is for convolutions"

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        started = time.monotonic()
        found, compiler = self._installation(), cxx_compiler()
        if isinstance(found, Missing):
            return Unprepared("plan", str(found))
        if compiler is None:
            return Unprepared("plan", "oneDNN's adapter needs a C++ compiler")
        try:
            chain = recognise_chain(primitive)
            adapter = build_adapter(
                SOURCE,
                compiler,
                flags=(*FLAGS, f"-I{found.include}"),
                library=found.library,
                version=found.version,
                toolchain=self.toolchain,
            )
            configuration = configuration_of(chain, threads, self.algorithm)
            refusal = self._refusal(chain, found, adapter.path, configuration)
        except Unrecognised as unknown:
            refusal = str(unknown)
        except AdapterBuildError as failure:
            seconds = TuningSeconds(compile=time.monotonic() - started)
            return Unprepared("compile", str(failure), seconds)
        seconds = TuningSeconds(compile=time.monotonic() - started)
        if refusal is not None:
            text = f"unsupported: {primitive.name}: {refusal}"
            return Unprepared("plan", text, seconds, status="unsupported")
        numerics = self._numerics(chain)
        executable = {
            "kind": "adapter",
            "library": str(adapter.path),
            "configuration": configuration,
            **({} if numerics is None else {"numerics": numerics}),
        }
        facts = {"onednn": found.version, "algorithm": self.algorithm, "layout": self.layout}
        if chain.moved:
            facts["reassociated"] = MOVED
        return Prepared(executable, seconds, adapter.cached, facts)

    def _numerics(self, chain: Chain) -> str | None:
        """Why its results are not those of the statements where float32 is exact."""
        if self.algorithm != "direct" and _convolves(chain):
            return f"{self.algorithm}: {WINOGRAD}"
        return rounds_inside(chain.operators)

    def _refusal(
        self,
        chain: Chain,
        found: Installation,
        adapter: Path,
        configuration: Mapping[str, object],
    ) -> str | None:
        """What this oneDNN has no implementation for; only the library itself knows.

        The direct algorithm takes every product that is recognised, so it is not asked of. A
        process of its own asks, for a library's crash would be ours, without running anything.
        """
        first, *others = chain.operators
        product = isinstance(first, WithPostOps) and not first.post_ops and not others
        if product and self.algorithm == "direct":
            return None
        text = json.dumps({**configuration, "probe": 1})
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PROBE, str(adapter), text],
                capture_output=True,
                text=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AdapterBuildError(f"oneDNN did not answer in {PROBE_SECONDS:.0f} s") from late
        if done.returncode == 0:
            return None
        said = " ".join(done.stderr.split()) or "no message"
        if done.returncode != 1:
            raise AdapterBuildError(f"oneDNN ended with status {done.returncode}: {said}")
        if self.algorithm != "winograd":
            return f"oneDNN {found.version} has no implementation for it on this machine: {said}"
        why = f"oneDNN {found.version} has no Winograd implementation for it on this machine"
        tool = state(TOOL, self.toolchain)
        if self.path or isinstance(tool, Installed):
            return why
        return f"{why}; {tool.command} fetches a version with one for AVX-512"

    def _installation(self) -> Installation | Missing:
        if self.path is not None:
            found = installation_at(Path(self.path).expanduser())
            if found is not None:
                return found
            what = f"baseline onednn: no headers and libdnnl.so under path={self.path}"
            return Missing(what, _install_command())
        tool = state(TOOL, self.toolchain)
        own = [tool.folder] if self.algorithm == "winograd" and isinstance(tool, Installed) else []
        for prefix in (*own, *_prefixes()):
            found = installation_at(prefix)
            if found is not None:
                return found
        return Missing("oneDNN is not installed", _install_command())


def _convolves(chain: Chain) -> bool:
    return any(
        isinstance(one, WithPostOps) and isinstance(one.product, Convolution)
        for one in chain.operators
    )


def onednn(options: OneDnnOptions, toolchain: Toolchain) -> OneDnn:
    return OneDnn(toolchain, options.path, options.algorithm)


ONEDNN = Builder(OneDnnOptions, onednn)


def installation_at(prefix: Path) -> Installation | None:
    """The oneDNN under an installation prefix (headers in include, library in lib*), or None."""
    header = next((h for name in VERSION_HEADERS if (h := prefix / name).is_file()), None)
    library = next((f for d in _library_dirs(prefix) if (f := d / "libdnnl.so").exists()), None)
    if header is None or library is None:
        return None
    text = header.read_text(errors="replace")
    numbers = [
        re.search(rf"#define\s+DNNL_VERSION_{part}\s+(\d+)", text)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    version = ".".join(n.group(1) for n in numbers if n)
    return Installation(prefix / "include", library, version or "unknown")


def _library_dirs(prefix: Path) -> list[Path]:
    multiarch = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    return [prefix / "lib", prefix / "lib64", prefix / "lib" / str(multiarch)]


def _prefixes() -> list[Path]:
    """Where oneDNN may be: this environment (pip wheels), then the system."""
    prefixes = [Path(sys.prefix)]
    try:
        for file in importlib.metadata.distribution(HEADERS_WHEEL).files or ():
            if file.name == "dnnl_version.h" and "oneapi" in file.parts:
                # <prefix>/include/oneapi/dnnl/dnnl_version.h
                prefixes.insert(0, Path(str(file.locate())).resolve().parents[3])
    except importlib.metadata.PackageNotFoundError:
        pass
    return [*prefixes, Path("/usr/local"), Path("/usr")]


def _install_command() -> str:
    if platform.machine() not in ("x86_64", "AMD64"):  # there are wheels for x86-64 alone
        return installing_system("onednn")
    return installing_wheels(*_wheels(WHEEL_VERSION))
