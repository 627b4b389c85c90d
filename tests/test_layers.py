"""The import order of the rooms, who may know which library, and how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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
        "harness.readers",
        "harness.strides",
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


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    return tuple(imported(tree_of(path)))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, `from package import module` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room they come from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
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


PACKAGES = ("compiler", "harness", "polydl")


def test_every_file_lies_in_a_room() -> None:
    modules = {module_of(path) for path in FILES} - {*PACKAGES}
    assert [module for module in modules if room_of(module) is None] == []


def test_imports_go_downward() -> None:
    wrong = []
    for path in FILES:
        room = room_of(module_of(path))
        for name in imports_of(path):
            assert not f"{name}.".startswith("polydl."), module_of(path)
            other = room_of(name)
            if room is None or other is None or other in (room, *STANDS_ON.get(room, ())):
                continue
            if level_of(other) >= level_of(room):
                wrong.append(f"{module_of(path)} imports {name}")
    assert wrong == []


def test_libraries_stay_in_their_rooms() -> None:
    wrong = []
    for path in FILES:
        module = module_of(path)
        for name in imports_of(path):
            held = [library for library in CONFINED if f"{name}.".startswith(f"{library}.")]
            if not all(f"{module}.".startswith(CONFINED[library]) for library in held):
                wrong.append(f"{module} imports {name}")
            if module.startswith("compiler") and name.partition(".")[0] in NEVER_IN_COMPILER:
                wrong.append(f"{module} imports {name}")
    assert wrong == []


def test_imports_stand_at_the_top() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside = [
        f"{module_of(path)} imports {name} inside a function"
        for path in FILES
        for function in ast.walk(tree_of(path))
        if isinstance(function, functions)
        for name in imported(function)
    ]
    assert inside == []
    by_name = {
        module_of(path)
        for path in FILES
        if any(name.startswith("importlib.import_module") for name in imports_of(path))
    }
    assert by_name <= {LOADS_BY_NAME}


def test_code_generation_refuses_nothing() -> None:
    """What does not fit is said in compiler.lower, before a line of C is written."""
    for path in sources("compiler/codegen"):
        assert not any(name.startswith("compiler.errors") for name in imports_of(path)), path


def test_files_are_short() -> None:
    files = sources("compiler", "harness", "tests", "experiments")
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}
