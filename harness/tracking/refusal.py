"""What an MLflow store refuses, told in one line with what mends it."""

from __future__ import annotations

import re
import sys

from compiler.errors import shown

REASON = 120  # characters of what the store itself said
_PASSWORD = re.compile(r"//[^/@\s]+@")
ANOTHER = "choose another with tracking.uri=sqlite:////FOLDER/mlflow.db"

# What stands in the exception's code and text -> what mends it; the first that fits counts.
REMEDIES = (
    (
        r"UNAUTHENTICATED|code 401",
        "it asks for a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
        "MLFLOW_TRACKING_TOKEN",
    ),
    (
        r"REQUEST_LIMIT|RESOURCE_EXHAUSTED|QUOTA|[Qq]uota|429|code 507",
        "it takes no more for now: free some of its quota, or wait",
    ),
    (
        r"PERMISSION_DENIED|code 403",
        "this login may not do that: ask for the right to edit the experiment, or choose another "
        "with tracking.experiment=NAME",
    ),
    (r"code 413", "its proxy refuses large requests: raise its limit on a request's body"),
    (
        r"ENDPOINT_NOT_FOUND|code 404",
        "no MLflow answers at that path: tracking.uri is the address that its UI is opened at",
    ),
    (r"readonly database", f"make the file and its folder writable, or {ANOTHER}"),
    (r"unable to open database|is a folder|not a database", ANOTHER),
    (r"disk is full|No space left", "free some space there"),
    (r"database is locked", "another program holds it: repeat when that has ended"),
    (
        r"out-of-date database schema|Can't locate revision",
        "another version of MLflow made it: `mlflow db upgrade ADDRESS`, or install that version",
    ),
    (r"maintenance mode", f"a folder of files is no store any more: {ANOTHER}"),
    (
        r"unsupported URI|Could not parse|Invalid SQLite URL|NoSuchModule|Can't load plugin",
        "known: http://HOST:PORT, https://..., sqlite:////FILE, postgresql://..., mysql://...",
    ),
    (
        r"experiment name|exceeds the maximum length|must be in the 'active' state|deleted",
        "choose another with tracking.experiment=NAME, or restore it: `mlflow experiments restore`",
    ),
)


def refusal(fault: BaseException) -> str:
    """The store's words, shortened, and the remedy where the kind is known; no passwords."""
    code = str(getattr(fault, "error_code", "") or "")
    text = " ".join(str(fault).split())
    said = without_password(text) or type(fault).__name__
    if isinstance(fault, ModuleNotFoundError) and fault.name:
        return f"{said}; install it with: {sys.executable} -m pip install {fault.name}"
    for pattern, remedy in REMEDIES:
        if re.search(pattern, f"{code} {text}"):
            return f"{shown(said, REASON)}; {remedy}"
    return shown(said, 2 * REASON)


def without_password(text: str) -> str:
    """Addresses without the user and password that may stand in them."""
    return _PASSWORD.sub("//", text)
