"""Stand-ins for CUDA's libraries, which TVM's wheel wants to find although only its CPU part runs.

`libtvm.so` of that wheel is linked with the CUDA driver and run time. On a machine without them it
does not load, so each missing library becomes one of functions that answer "no device".
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.system_packages import installing_system

NO_DEVICE = 100  # cudaErrorNoDevice, CUDA_ERROR_NO_DEVICE
DRIVER = "libcuda.so.1"  # its symbols carry no version
PREFIXES = ("libcuda.", "libcudart.", "libnvrtc.")
_UNDEFINED = re.compile(r"\*UND\*\s+\S+\s+(?:\((\S+)\)\s+)?((?:cu|nvrtc)\w+)$")
_NEEDED = re.compile(r"NEEDED\s+(\S+)")


def make_stubs(libraries: list[Path], folder: Path) -> tuple[Path, ...]:
    """Compile into `folder` every CUDA library that `libraries` need. Raises EnvironmentProblem."""
    symbols: dict[str, set[str]] = {}
    for library in libraries:
        needed = [n for n in _NEEDED.findall(_objdump("-p", library)) if n.startswith(PREFIXES)]
        for name in needed:
            symbols.setdefault(name, set())
        for line in _objdump("-T", library).splitlines():
            found = _UNDEFINED.search(line)
            if found is not None and (owner := found[1] or DRIVER) in symbols:
                symbols[owner].add(found[2])
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_compiled(name, sorted(names), folder) for name, names in symbols.items())


def _compiled(name: str, functions: list[str], folder: Path) -> Path:
    source, script, target = (folder / f"{name}{end}" for end in (".c", ".map", ""))
    source.write_text("".join(f"int {f}(void) {{ return {NO_DEVICE}; }}\n" for f in functions))
    command = ["gcc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{name}", str(source)]
    if name != DRIVER:  # their symbols are bound to a version that is called like the library
        script.write_text(f"{name} {{ global: *; }};\n")
        command.append(f"-Wl,--version-script={script}")
    _run([*command, "-o", str(target)])
    return target


def _objdump(flag: str, library: Path) -> str:
    return _run(["objdump", flag, str(library)])


def _run(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        told = installing_system("gcc", "binutils")
        raise EnvironmentProblem(f"{command[0]} is needed: {told}") from error
    except subprocess.CalledProcessError as error:
        raise EnvironmentProblem(f"{' '.join(command[:3])}: {error.stderr.strip()}") from error
