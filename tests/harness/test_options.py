from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields

import pytest
from omegaconf import OmegaConf

from harness.bounds import one_of, within
from harness.errors import SettingsError
from harness.options import keyed, options_from, plain, schema_of


@dataclass(frozen=True)
class Options:
    source: str | None = keyed("from", None)
    k: int = within(8, 1, 10)
    names: tuple[str, ...] = one_of(("a",), ("a", "b"))

    def __post_init__(self) -> None:
        if self.k == 5:
            raise SettingsError("k is not five")


def test_the_configuration_takes_what_is_declared() -> None:
    config = OmegaConf.structured(schema_of(Options))
    assert OmegaConf.to_container(config) == {
        "label": "",
        "method": "",
        "from": None,
        "k": 8,
        "names": ["a"],
    }
    config.names.append("b")  # Hydra changes what it composes; the default stays as it is
    assert OmegaConf.structured(schema_of(Options)).names == ["a"]


def test_values_become_the_frozen_one_and_plain_again() -> None:
    made = options_from(Options, {"from": "x", "names": ["a", "b"]}, "strategy.mine")
    assert made == Options("x", 8, ("a", "b"))
    assert plain(made) == {"from": "x", "k": 8, "names": ["a", "b"]}
    with pytest.raises(FrozenInstanceError):
        made.k = 3  # type: ignore[misc]
    assert options_from(Options, {}, "") == Options()
    assert [one.name for one in fields(schema_of(Options))][2:] == ["from", "k", "names"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"source": "x"}, "strategy.mine: unknown key 'source'; known: from, k, names"),
        ({"k": 11}, "strategy.mine.k must be <= 10, got 11"),
        ({"k": "8"}, "strategy.mine.k must be a whole number, got 8"),
        ({"names": ["c"]}, "strategy.mine.names must be one of a, b, got c"),
        ({"names": "a"}, "strategy.mine.names must be a list, got a"),
        ({"from": 3}, "strategy.mine.from must be a text, got 3"),
        ({"k": 5}, "strategy.mine: k is not five"),
    ],
)
def test_a_mistake_is_one_line(values: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        options_from(Options, values, "strategy.mine")
    assert str(caught.value) == told
