"""What is not installed says how to install it; what nobody foresaw stays what it is."""

from __future__ import annotations

import sys

import pytest

from harness.cli.rooms import room
from harness.errors import EnvironmentProblem


@pytest.mark.parametrize(
    ("module", "needs", "extra"),
    [
        ("harness.cluster.ray_start", "ray", "cluster"),
        ("harness.learn.training", "sklearn", "learn"),
    ],
)
def test_a_missing_extra(
    module: str, needs: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for loaded in [m for m in sys.modules if m == module or m.partition(".")[0] == needs]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, needs, None)
    with pytest.raises(EnvironmentProblem) as caught:
        room(module)
    told = f"{needs} is not installed; install it with: pip install -e '.[{extra}]'"
    assert str(caught.value) == told


def test_a_room_that_is_not_there_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_room"):
        room("harness.no_such_room")
