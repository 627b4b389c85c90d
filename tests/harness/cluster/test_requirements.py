from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.cluster.requirements import PACKAGES, lacks_here, versions_here

ROOT = Path(__file__).resolve().parents[3]
BARE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from harness.cluster.requirements import lacks_here
versions = {name: "1.0" for name in sys.argv[3:]}
print(*lacks_here(versions, Path(sys.argv[2])), sep="\\n")
"""


def lacks_of_a_bare_interpreter(cache: Path, path: str) -> list[str]:
    """Without site-packages, as on a node where only Ray's own environment was made."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", BARE, str(ROOT), str(cache), *PACKAGES],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_this_host_lacks_nothing(tmp_path: Path) -> None:
    assert lacks_here(versions_here(), tmp_path / "cache") == []


def test_missing_packages_come_with_the_interpreters_own_command(tmp_path: Path) -> None:
    (line,) = lacks_of_a_bare_interpreter(tmp_path, os.environ["PATH"])
    assert line.startswith("islpy, numpy, psutil, scipy (mend: ")
    assert f"{sys.executable} -m pip install islpy==1.0 numpy==1.0" in line


def test_a_missing_compiler_and_a_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    _, compiler, folder = lacks_of_a_bare_interpreter(file / "cache", "/nowhere")
    assert "a C compiler" in compiler and "apt-get install gcc" in compiler
    assert "a cache folder" in folder and "XDG_CACHE_HOME" in folder
