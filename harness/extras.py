"""Packages that only some commands need: the extra that brings each, and the command that does."""

from __future__ import annotations

from harness.conf_files import INSTALLED

EXTRAS = {
    "ray": "cluster",
    "mlflow": "tracking",
    "onnx": "onnx",
    "sklearn": "learn",
    "jinja2": "report",
    "pyarrow": "report",
}


def installing(package: str) -> str:
    """How a package of EXTRAS is installed: as this code was, from a wheel or in a checkout."""
    extra = EXTRAS[package]
    return f"pip install 'polydl[{extra}]'" if INSTALLED else f"pip install -e '.[{extra}]'"
