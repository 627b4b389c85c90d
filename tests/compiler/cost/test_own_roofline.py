"""What no kernel passes: operations and bytes of small primitives, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.cost.own_roofline import compulsory_bytes, operations_of, own_roofline
from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from

MACHINE = Architecture(
    "test",
    "x86_64",
    64,
    32,
    caches=(
        CacheLevel("L1", 2**15, bandwidth=400.0),
        CacheLevel("L2", 2**20, bandwidth=100.0),
        CacheLevel("L3", 2**22, shared_by=2, bandwidth=50.0),
    ),
    peak=200.0,
    memory_bandwidth=10.0,
)
SHAPES = {"x": ["i", "j"], "y": ["i", "j"], "v": ["i"], "w": ["j"], "z": ["j", "i"]}
ROWS, COLUMNS = 6, 10


def nest(*statements: str, i: int = ROWS, **more: Any) -> Primitive:
    text = " ".join(statements)
    tensors = {name: shape for name, shape in SHAPES.items() if f"{name}[" in text}
    sizes = {"i": i, "j": COLUMNS}
    given = {"name": "n", "sizes": sizes, "tensors": tensors, "statements": list(statements)}
    return primitive_from({**given, **more})


@pytest.mark.parametrize(
    ("statement", "operations"),
    [
        ("v[i] += x[i,j] * w[j]", ROWS * COLUMNS),  # a multiply-add
        ("v[i] += x[i,j]", ROWS * COLUMNS),
        ("v[i] = max(v[i], x[i,j] * w[j])", 2 * ROWS * COLUMNS),
        ("v[i] += x[i,j] * y[i,j] * w[j]", 2 * ROWS * COLUMNS),
        ("y[i,j] = x[i,j] * w[j] + v[i]", ROWS * COLUMNS),
        ("y[i,j] = x[i,j] * w[j] - v[i] * v[i]", ROWS * COLUMNS + ROWS),  # one product is kept an i
        ("y[i,j] = x[i,j] + exp(v[i])", ROWS * COLUMNS + 13 * ROWS),
        ("y[i,j] = x[i,j] / w[j]", 8 * ROWS * COLUMNS),
        ("y[i,j] = exp(x[i,j]) * exp(x[i,j])", 14 * ROWS * COLUMNS),  # one exp serves both
        ("y[i,j] = max(x[i,j], 0)", ROWS * COLUMNS),
        ("y[i,j] = x[i,j]", 0),
    ],
)
def test_operations(statement: str, operations: int) -> None:
    primitive = nest(statement)
    assert operations_of(primitive, primitive.statements[0]) == operations


@pytest.mark.parametrize(
    ("statements", "more", "elements"),
    [
        (["y[i,j] = x[i,j]"], {}, 2 * ROWS * COLUMNS),
        (["y[i,j] = z[j,i] * w[j]"], {}, 2 * ROWS * COLUMNS + COLUMNS),
        (["y[i,j] = x[i,j]", "v[i] += y[i,j]"], {}, 2 * ROWS * COLUMNS + ROWS),
        (["y[i,j] = x[i,j]", "v[i] += y[i,j]"], {"temporary": ["y"]}, ROWS * COLUMNS + ROWS),
        (["v[i] += x[i,j]"], {"accumulate": ["v"]}, ROWS * COLUMNS + 2 * ROWS),
        (["v[i] = x[i,0] + x[i,3]"], {}, 4 * ROWS + ROWS),
        (["v[i] = x[i,-1]"], {"outside": {"x": 0}}, ROWS),
        (["v[i] = x[i+2,0]"], {"outside": {"x": 0}}, ROWS - 2 + ROWS),
    ],
)
def test_bytes(statements: list[str], more: dict[str, Any], elements: int) -> None:
    assert compulsory_bytes(nest(*statements, **more)) == 4 * elements


@pytest.mark.parametrize(
    ("i", "level", "rate"),
    [(10, "L1", 400), (1000, "L2", 100), (30_000, "L3", 50), (10**5, "memory", 10)],
)
def test_bytes_count_at_the_rate_of_the_level_that_holds_them(
    i: int, level: str, rate: int
) -> None:
    found = own_roofline(nest("y[i,j] = x[i,j]", i=i), MACHINE)
    assert found is not None and (found.level, found.bound) == (level, level)
    assert found.bytes == 80 * i and found.seconds == pytest.approx(80 * i / (rate * 1e9))
    cold = own_roofline(nest("y[i,j] = x[i,j]", i=i), MACHINE, cold=True)
    assert cold is not None and cold.seconds == pytest.approx(80 * i / 10e9)


def test_operations_count_at_half_the_peak() -> None:
    """As a multiply-add is two of its operations; n elements of tanh take 26 each."""
    found = own_roofline(nest("y[i,j] = tanh(x[i,j])", i=100), MACHINE)
    assert found is not None and (found.bound, found.level) == ("compute", "L1")
    assert found.seconds == pytest.approx(26 * 1000 / 100e9)


def test_threads_add_peaks_and_caches_and_share_memory() -> None:
    def seconds(statement: str, i: int, threads: int) -> float:
        found = own_roofline(nest(statement, i=i), MACHINE, threads)
        assert found is not None
        return found.seconds

    one, four = (seconds("y[i,j] = tanh(x[i,j])", 100, threads) for threads in (1, 4))
    assert one == pytest.approx(4 * four)
    one, four = (seconds("y[i,j] = x[i,j]", 5000, threads) for threads in (1, 4))
    assert one == pytest.approx(4 * four)
    one, four = (seconds("y[i,j] = x[i,j]", 10**6, threads) for threads in (1, 4))
    assert one == pytest.approx(2 * four)


def test_without_ceilings_there_is_none() -> None:
    assert own_roofline(nest("y[i,j] = x[i,j]"), Architecture("bare", "x86_64", 64, 32)) is None
