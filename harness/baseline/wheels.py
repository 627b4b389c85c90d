"""How Python packages that a baseline needs get into the environment that polydl runs in."""

from __future__ import annotations

import importlib.util
import sys


def installing_wheels(*wheels: str) -> str:
    """The command for it; an environment that uv made has no pip."""
    if importlib.util.find_spec("pip"):
        return f"{sys.executable} -m pip install {' '.join(wheels)}"
    return f"uv pip install --python {sys.executable} {' '.join(wheels)}"
