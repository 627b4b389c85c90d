"""Files of the user's own folder: read, or refused in one line that says where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.conf_files import CONF
from harness.errors import SettingsError
from harness.settings import load_settings
from harness.settings.references import check_references


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "it's [mine], $(own)"
    (place / "primitive").mkdir(parents=True)
    return place


def loaded(folder: Path, text: str) -> str:
    """The name of the primitive that a file holds."""
    (folder / "primitive" / "mine.yaml").write_text(text)
    (settings,) = load_settings(["--config-dir", str(folder), "primitive=mine"])
    return settings.problems[0].name


def test_a_file_of_the_users_is_an_option(folder: Path) -> None:
    assert loaded(folder, (CONF / "primitive" / "conv2d.yaml").read_text()) == "conv2d"
    assert loaded(folder, "name: &a x\nother: *a") == "x"
    assert loaded(folder, "name: ${primitive.other}\nother: y") == "y"
    assert loaded(folder, "defaults: [matmul, _self_]\nname: z") == "z"


ALIASES = "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
REFERENCES = "".join(
    f"a{i}: ${{primitive.a{i - 1}}}${{primitive.a{i - 1}}}\n" for i in range(1, 25)
)
CHAIN = "".join(f"a{i}: ${{primitive.a{i - 1}}}\n" for i in range(1, 100))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a0: &a0 [x, x]\n{ALIASES}", "mine.yaml: it has more than 50000 nodes"),
        (f"a0: xx\n{REFERENCES}", "stands for more than 1000000 characters"),
        (f"a0: xx\n{CHAIN}", "values refer to each other over 30 deep"),
        ("name: ${primitive.b}\nb: ${primitive.name}", "values refer to each other over 30 deep"),
        ("name: ${nothing}", "Interpolation key 'nothing' not found"),
        ("name: " + "${.x}" * 20, "20 references are computed; 16 are allowed"),
        ("name: ${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("name: " + "[" * 3000, "nested more than 50 deep"),
        ("sizes: {m: " + "9" * 5000 + "}", "mine.yaml: Exceeds the limit"),
        ("- a", "mine.yaml: must hold a mapping"),
        ("{[1]: 2}", "mine.yaml: line 1, column 2: found unhashable key"),
        ("a: 1\na: 2", "mine.yaml: line 2, column 1: found duplicate key a"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
        ("# @package\na: 1", "mine.yaml: Expected header format"),
        ("defaults: 5", "defaults must be a list"),
        ("defaults: [mine]", "a file's defaults lead back to it"),
        ("defaults: [nothing]", "Could not load 'primitive/nothing'"),
        ("# x\n" * 300_000, "mine.yaml: it has more than 1048576 bytes"),
    ],
    ids=range(18),
)
def test_what_hydra_would_choke_on_is_one_line(folder: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text)
    assert told in str(caught.value)


def test_what_is_no_file_is_no_option(folder: Path) -> None:
    os.mkfifo(folder / "primitive" / "pipe.yaml")
    (folder / "primitive" / "zero.yaml").symlink_to("/dev/zero")
    (folder / "primitive" / "gone.yaml").symlink_to("nowhere")
    for name in ("pipe", "zero", "gone"):
        with pytest.raises(SettingsError, match=f"primitive: unknown option '{name}'; known: "):
            load_settings(["--config-dir", str(folder), f"primitive={name}"])


def test_folders_are_named_in_one_way(tmp_path: Path) -> None:
    (tmp_path / "${x}").mkdir()
    with pytest.raises(SettingsError, match=r"--config-dir: .* cannot be in its name"):
        load_settings(["--config-dir", str(tmp_path / "${x}")])
    with pytest.raises(SettingsError, match="is not taken; --config-dir DIR adds a folder"):
        load_settings([f"hydra.searchpath=[{tmp_path}]"])


def test_many_references_to_one_value_are_no_explosion() -> None:
    check_references({"n": 1, "entries": [{"n": "${n}"} for _ in range(2000)]})
