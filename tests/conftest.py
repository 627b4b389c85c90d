"""Options of the whole suite, and which of its tests run side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

CLUSTER = Path(__file__).parent / "harness" / "cluster"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden C files of the tests"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Clusters on this machine come first and one after another; other files fill the gaps."""
    for item in items:
        of_clusters = item.path.is_relative_to(CLUSTER)
        item.add_marker(pytest.mark.xdist_group("cluster" if of_clusters else str(item.path)))
    items.sort(key=lambda item: not item.path.is_relative_to(CLUSTER))


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
