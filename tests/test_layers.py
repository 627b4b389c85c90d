"""The import order of the rooms, who may know which library, and how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 400

# Rooms from the bottom up; a room imports lower rows and itself, never a sibling of its own row.
COMPILER = [
    ["compiler.errors"],
    ["compiler.problem"],
    ["compiler.model"],
    ["compiler.microkernel"],
    ["compiler.schedule"],
    ["compiler.lower"],
    ["compiler.space", "compiler.cost", "compiler.codegen"],
    ["compiler.pipeline"],
]
HARNESS = [
    ["harness.errors"],
    ["harness.record.result", "harness.account"],
    [
        "harness.failure",
        "harness.choices",
        "harness.measure.noise",
        "harness.outside",
        "harness.bounds",
        "harness.scratch",
        "harness.own_files",
        "harness.lock_file",
        "harness.nearest",
        "harness.plugins",
        "harness.random_nests",
        "harness.system_packages",
    ],
    ["harness.benchdnn", "harness.measure.budget", "harness.options", "harness.methods"],
    ["harness.conf_files"],
    [
        "harness.extras",
        "harness.strategy",
        "harness.kernel",
        "harness.measure",
        "harness.baseline",
        "harness.record",
    ],
    ["harness.onnx"],
    ["harness.settings", "harness.analysis"],
    ["harness.report"],
    ["harness.unit", "harness.tracking", "harness.product_rates"],
    ["harness.estimates", "harness.trial", "harness.resume"],
    ["harness.plan"],
    ["harness.cluster"],
    ["harness.campaign", "harness.doctor", "harness.learn", "harness.calling", "harness.export"],
    ["harness.claims"],
    ["harness.cli"],
]
# A room that stands on others of its row: what the measuring child is built from, and what a
# baseline that is a kernel of ours is.
STANDS_ON = {"harness.measure": {"harness.kernel"}, "harness.baseline": {"harness.kernel"}}

CONFINED = {  # library, or a name of one -> where it may be imported
    "islpy": ("compiler.",),
    "hydra": ("harness.settings.", "harness.cli."),
    "omegaconf": ("harness.settings.", "harness.cli."),
    "ray": ("harness.cluster.",),
    "msgspec": ("harness.record.",),
    # Everybody prints by the Terminal that is made of it; a table's form is handed one.
    "rich.console.Console": ("harness.report.terminal.", "harness.report.grid."),
    "jinja2": ("harness.report.",),
    "mlflow": ("harness.tracking.client.",),
    "onnx": ("harness.onnx.worker.", "harness.baseline.onnxruntime."),
    "sklearn": ("harness.learn.",),
    "tvm": ("harness.baseline.tvm.",),
    "onnxruntime": ("harness.baseline.onnxruntime.",),
}
NEVER_IN_COMPILER = {"harness", "hydra", "omegaconf", "ray", "mlflow", "subprocess", "ctypes"}
LOADS_BY_NAME = "harness.cli.rooms"


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every module that a file imports, `from package import module` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room they come from"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node


def room_of(module: str) -> str | None:
    """The longest room name that the module lies in."""
    rooms = [room for row in COMPILER + HARNESS for room in row]
    inside = [room for room in rooms if module == room or module.startswith(room + ".")]
    return max(inside, key=len, default=None)


def level_of(room: str) -> int:
    rows = COMPILER + HARNESS
    return next(level for level, row in enumerate(rows) if room in row)


FACE = ROOT / "polydl.py"  # for whoever imports it: stands above all rooms
FILES = [*sources("compiler", "harness"), FACE]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_downward(path: Path) -> None:
    room = room_of(module_of(path))
    names = [name for name, _ in imported(ast.parse(path.read_text()))]
    assert not any(f"{name}.".startswith("polydl.") for name in names)
    if module_of(path) in ("compiler", "harness", "polydl"):
        return
    assert room is not None, f"{module_of(path)} lies in no room of the import order"
    for name in names:
        other = room_of(name)
        if other is None or other == room:
            continue
        downward = level_of(other) < level_of(room)
        assert downward or other in STANDS_ON.get(room, ()), f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    module = module_of(path)
    for name, _ in imported(ast.parse(path.read_text())):
        for confined, rooms in CONFINED.items():
            if f"{name}.".startswith(f"{confined}."):
                assert f"{module}.".startswith(rooms), f"{module} imports {confined}"
        if module.startswith("compiler"):
            library = name.partition(".")[0]
            assert library not in NEVER_IN_COMPILER, f"{module} imports {library}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside = [
        name
        for function in ast.walk(tree)
        if isinstance(function, functions)
        for name, _ in imported(function)
    ]
    assert not inside, f"{module_of(path)} imports {inside} inside a function"
    if module_of(path) != LOADS_BY_NAME:
        names = [name for name, _ in imported(tree)]
        assert not any(name.startswith("importlib.import_module") for name in names)


@pytest.mark.parametrize("path", sources("compiler/codegen"), ids=module_of)
def test_code_generation_refuses_nothing(path: Path) -> None:
    """What does not fit is said in compiler.lower, before a line of C is written."""
    names = [name for name, _ in imported(ast.parse(path.read_text()))]
    assert not any(name.startswith("compiler.errors") for name in names)


@pytest.mark.parametrize(
    "path", sources("compiler", "harness", "tests", "experiments"), ids=module_of
)
def test_files_are_short(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST, f"{path.relative_to(ROOT)} has {lines} lines, {LONGEST} are allowed"
