from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.choices import ClusterChoice
from harness.cluster.members import described, portable
from harness.errors import SettingsError
from harness.settings import load_settings


def choice(*overrides: str) -> ClusterChoice:
    return load_settings(["primitive=matmul", "cluster=ray", *overrides])[0].cluster


def found(number: int, host: str = "host", **more: Any) -> dict[str, Any]:
    """A node as ray.nodes() lists it."""
    return {
        "NodeID": f"{number:056x}",
        "Alive": True,
        "NodeManagerAddress": "192.0.2.1",
        "NodeManagerHostname": host,
        "NodeName": "192.0.2.1",
        "Resources": {"CPU": 2.0},
        "Labels": {},
        **more,
    }


def test_nodes_without_life_or_processors_stay_out() -> None:
    nodes = [found(1), found(2, Alive=False), found(3, Resources={"memory": 1.0})]
    assert [member.id for member in described(nodes, choice())] == [f"{1:056x}"]


def test_names_are_given_or_the_hosts_and_unique() -> None:
    nodes = [found(1, "a"), found(2, "b", NodeName="fast"), found(3 << 200, "c"), found(4, "c")]
    names = [member.name for member in described(nodes, choice())]
    assert names[0] == "a" and names[-1] == "fast"
    assert len(set(names)) == 4
    assert all(name.startswith("c-") for name in names[1:3])


def test_a_share_is_configured_or_a_label_or_open() -> None:
    nodes = [found(1, "a", Labels={"polydl_cores": "0_2-4"}), found(2, "b")]
    assert [member.cores for member in described(nodes, choice())] == [(0, 2, 3, 4), None]
    chosen = described(nodes, choice("cluster.cores=[1,0]"))
    assert [member.cores for member in chosen] == [(0, 1), (0, 1)]


def test_a_label_that_is_no_list_is_refused_by_node() -> None:
    with pytest.raises(SettingsError, match="a: the label polydl_cores=two is no list"):
        described([found(1, "a", Labels={"polydl_cores": "two"})], choice())


def test_a_folder_below_the_home_is_each_nodes_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(portable(tmp_path / ".cache/polydl")) == "~/.cache/polydl"
    assert portable(Path("/nowhere/cache")) == Path("/nowhere/cache")


@pytest.mark.parametrize(("cores", "must"), [("[]", "name processors"), ("[-1,0]", "be >= 0")])
def test_a_share_names_processors(cores: str, must: str) -> None:
    with pytest.raises(SettingsError, match=rf"cluster\.cores must {must}"):
        choice(f"cluster.cores={cores}")
