"""The one step of a build that pyproject.toml cannot say: a wheel holds conf/ inside harness/.

At the top of site-packages the name would be anybody's; in a checkout it stays where users look.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfiguration(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            inside = Path(self.build_lib, "harness", "conf")
            shutil.rmtree(inside, ignore_errors=True)
            shutil.copytree("conf", inside)


setup(cmdclass={"build_py": BuildWithConfiguration})
