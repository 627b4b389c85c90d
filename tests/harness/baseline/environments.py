"""A toolchain that nothing is built with, and a tool environment that only looks whole."""

from __future__ import annotations

import json
from pathlib import Path

from harness.baseline.tool.environment import MANIFEST, tool_folder
from harness.baseline.tvm.autotvm import TOOL
from harness.kernel.c_compiler import NoCompiler
from harness.kernel.toolchain import Toolchain

UNUSED = Toolchain(Path("nothing-is-built"), NoCompiler("none is needed"))


def fake_autotvm(toolchain: Toolchain, interpreter: str, recipe: str = TOOL.recipe) -> None:
    """AutoTVM's environment with a shell script for an interpreter."""
    folder = tool_folder(TOOL, toolchain)
    build = folder / "lib/python3.11/site-packages/bitblas/3rdparty/tvm/build"
    build.mkdir(parents=True)
    (build / "libtvm.so").touch()
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text(f"#!/bin/sh\n{interpreter}\n")
    (folder / "bin/python").chmod(0o755)
    (folder / MANIFEST).write_text(json.dumps({"recipe": recipe, "versions": {}}))
