"""What a program or library is called by the system's own package manager, whichever that is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

MANAGERS = {  # in the order in which they are looked for
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "yum": "yum install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "apk": "apk add",
}
CONDA = "conda install -c conda-forge"
_FEDORA = {"gcc": "gcc", "g++": "gcc-c++", "binutils": "binutils", "openblas": "openblas-openmp"}
NAMES: Mapping[str, Mapping[str, str]] = {  # by manager
    "apt-get": {
        "gcc": "gcc",
        "g++": "g++",
        "binutils": "binutils",
        "openblas": "libopenblas0-pthread",
        "onednn": "libdnnl-dev",
        "libxsmm": "libxsmm-dev",
    },
    "dnf": {**_FEDORA, "onednn": "onednn-devel", "libxsmm": "libxsmm-devel"},
    "yum": _FEDORA,
    "zypper": {
        "gcc": "gcc",
        "g++": "gcc-c++",
        "binutils": "binutils",
        "openblas": "libopenblas_pthreads0",
        "onednn": "onednn-devel",
    },
    "pacman": {
        "gcc": "gcc",
        "g++": "gcc",
        "binutils": "binutils",
        "openblas": "openblas",
        "onednn": "onednn",
    },
    "apk": {
        "gcc": "gcc musl-dev",
        "g++": "g++",
        "binutils": "binutils",
        "openblas": "openblas",
        "onednn": "onednn-dev",
    },
    "conda": {
        "gcc": "gcc",
        "g++": "gxx",
        "binutils": "binutils",
        "openblas": "libopenblas",
        "onednn": "onednn",
        "libxsmm": "libxsmm",
    },
}
KNOWN = tuple(NAMES["apt-get"])


# Where package managers lie; the PATH of who asks may be any.
STANDARD = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"


def installing_system(*packages: str, path: str = STANDARD) -> str:
    """The command that installs packages of KNOWN here; words where nobody here has them.

    The system's own manager comes first, then conda.
    """
    own = [program for program in MANAGERS if shutil.which(program, path=path)]
    conda = ["conda"] if "CONDA_EXE" in os.environ or shutil.which("conda") else []
    for manager in (*own[:1], *conda):
        names = NAMES[manager]
        if names.keys() >= set(packages):
            told = " ".join(dict.fromkeys(names[package] for package in packages))
            return f"{MANAGERS.get(manager, CONDA)} {told}"
    return f"install {' and '.join(packages)} by this system's own means"
