"""Which BLAS there is, and what its functions are called: found in a process of its own."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.baseline.baseline import Missing
from harness.system_packages import installing_system

PROBE_SECONDS = 30.0
# NumPy's and SciPy's wheels carry an OpenBLAS in a folder beside them; its file has a hash in it.
CARRIED = (("numpy", "numpy.libs"), ("scipy", "scipy.libs"))
SYSTEM = ("openblas", "mkl_rt")

# OpenBLAS may be built with a prefix and, for 64-bit integers, a suffix to each name.
_PROBE = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
def has(name):
    return hasattr(library, name)
def said(name):
    function = getattr(library, name)
    function.restype = ctypes.c_char_p
    return function().decode(errors="replace")
names = [(p, s) for p in ("scipy_", "") for s in ("64_", "_64", "")]
sgemm = next(((p, s) for p, s in names if has(f"{p}cblas_sgemm{s}")), None)
if sgemm is None:
    sys.exit("it has no cblas_sgemm")
p, s = sgemm
found = {"sgemm": f"{p}cblas_sgemm{s}", "integer_bits": 64 if s else 32,
         "blas": "BLAS", "version": "unknown"}
if has(f"{p}openblas_get_config{s}"):
    words = said(f"{p}openblas_get_config{s}").split()
    found["blas"], found["version"] = words[0], words[1]
    if "USE64BITINT" in words:
        found["integer_bits"] = 64
    if has(f"{p}openblas_get_corename{s}"):
        found["core"] = said(f"{p}openblas_get_corename{s}")
elif has("MKL_Get_Version_String"):
    text = ctypes.create_string_buffer(200)
    library.MKL_Get_Version_String(text, 200)
    found["blas"], found["version"] = "MKL", text.value.decode().split(" Product")[0]
threads = ((f"{p}openblas_set_num_threads{s}", f"{p}openblas_get_num_threads{s}"),
           ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads"))
pairs = (pair for pair in threads if all(map(has, pair)))
found["set_threads"], found["get_threads"] = next(pairs, ("", ""))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Blas:
    """A shared library with cblas_sgemm under the name `sgemm`."""

    library: Path
    sgemm: str
    integer_bits: int  # of sizes and leading dimensions
    set_threads: str  # the function for it; empty where there is none
    get_threads: str  # and the one that tells them
    blas: str  # whose it is
    version: str
    core: str = ""  # the processor it has chosen code for, where it says so


def library_found(path: str | None) -> Blas | Missing:
    """The file `path`, else what NumPy or SciPy carry, else the system's."""
    if path is not None:
        file = Path(path).expanduser()
        if not file.is_file():
            return Missing(f"baseline blas: path={path} is no library (a file)", _install_command())
        found = _probed(str(file))
        if isinstance(found, str):
            return Missing(f"baseline blas: path={path}: {found}", _install_command())
        return found
    for name in _candidates():
        found = _probed(name)
        if isinstance(found, Blas):
            return found
    what = "there is no BLAS: NumPy carries none here, nor has the system one"
    return Missing(what, _install_command())


def _install_command() -> str:
    return installing_system("openblas")


def _candidates() -> Iterator[str]:
    """One after the other: the system is asked by programs that take 20 ms."""
    for package, folder in CARRIED:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            beside = Path(spec.origin).parents[1] / folder
            yield from sorted(map(str, beside.glob("*openblas*.so*")))
    yield from filter(None, map(ctypes.util.find_library, SYSTEM))


@cache
def _probed(library: str) -> Blas | str:
    """What the library says of itself, or why it cannot be used; loaded in a child, not here."""
    command = [sys.executable, "-P", "-c", _PROBE, library]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "it does not load in time"
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        return said[-1]
    return Blas(Path(library), **json.loads(done.stdout))
