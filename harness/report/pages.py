"""HTML pages from the templates beside this file: one self-contained file each, no network.

What stands in a value is text: jinja2 escapes it, and what does not print is shown escaped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from compiler.errors import printable

TEMPLATES = Path(__file__).resolve().parent / "templates"


def page(template: str, **values: Any) -> str:
    """The page of a template."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printed(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, kept="\n\t")
    return value
