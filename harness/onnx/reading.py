"""An ONNX file to a Graph, by a process of its own that it can crash."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from compiler.errors import shown
from harness.errors import EnvironmentProblem, SettingsError, Unreadable
from harness.extras import installing
from harness.onnx.graph import Graph, graph_from
from harness.outside import path_of

MOST_SECONDS = 120.0
_MISSING = "No module named"


def read_graph(path: Path, dimensions: Mapping[str, int]) -> Graph:
    """The graph of a file, its inputs' dimensions set where they are named.

    Raises SettingsError that begins with the file, EnvironmentProblem where onnx is not installed.
    """
    asked = json.dumps({"path": str(path_of(path)), "dimensions": dict(dimensions)})
    # -P: modules that lie where the command is given, an onnx.py beside the model, are not run.
    command = [sys.executable, "-P", "-m", "harness.onnx.worker", asked]
    where = shown(path, 120)
    try:
        ended = subprocess.run(command, capture_output=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"{where}: reading it takes more than {MOST_SECONDS:g} s") from error
    except ValueError as error:  # a NUL in a path
        raise Unreadable(f"cannot read {where}: {shown(error)}") from error
    if ended.returncode:
        last = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if _MISSING in last and ("'onnx" in last or "'google" in last):
            raise EnvironmentProblem(
                f"onnx is not installed; install it with: {installing('onnx')}"
            )
        told = last or f"the process that read it ended with status {ended.returncode}"
        raise Unreadable(f"{where}: {shown(told, 160)}")
    document = json.loads(ended.stdout)
    if "unreadable" in document:
        raise Unreadable(document["unreadable"])
    if "refused" in document:
        raise SettingsError(f"{where}: {document['refused']}")
    return graph_from(document)
