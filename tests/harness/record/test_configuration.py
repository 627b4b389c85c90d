from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.errors import RecordError
from harness.record.configuration import configuration_text, documents_in, documents_of

FIRST = {"primitive": {"sizes": {"n": 1}}, "threads": 1, "seed": 0, "measure": {"half": 1e-05}}


def test_what_is_written_is_read_back() -> None:
    others = [{**FIRST, "threads": 2}, FIRST, {**FIRST, "primitive": None}]
    text = configuration_text([FIRST, *others], ["run", "-m", "threads=1,2"])
    header = '{"command": ["polydl", "run", "-m", "threads=1,2"]}\n---\nprimitive:'
    assert text.startswith(header)
    assert text.endswith('---\n{"threads": 2}\n---\n{}\n---\n{"primitive": null}\n')
    assert documents_of(text) == [FIRST, *others]
    assert list(yaml.safe_load_all(text))[1] == FIRST


@pytest.mark.parametrize(
    "argument",
    [
        "a\nseed: 9",
        "a\n---\nseed: 9\n",
        "a\r\nseed: 9",
        "\u2028seed: 9",
        "\x85seed: 9",
        "\ud800",
        "a: '#\"[",
    ],
)
def test_an_argument_is_data_whatever_it_holds(argument: str) -> None:
    text = configuration_text([FIRST, {**FIRST, "threads": 2}], ["run", argument, "--- \n{"])
    text.encode()
    assert documents_of(text) == [FIRST, {**FIRST, "threads": 2}]


def test_documents_in_full_are_read_too() -> None:
    assert documents_of("a: 1\nb: 2\n---\na: 3\nb: 2\n") == [{"a": 1, "b": 2}, {"a": 3, "b": 2}]
    assert documents_of("# polydl run\n") == []
    assert documents_of("# polydl run -m\na: 1\n---\n{}\n") == [{"a": 1}, {"a": 1}]  # until 0.2.0


@pytest.mark.parametrize("text", ["a: [", "just words", "a: 1\n---\n{broken\n"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "campaign.yaml").write_text(text)
    with pytest.raises(RecordError, match=r"campaign\.yaml: cannot be read as YAML"):
        documents_in(tmp_path / "campaign.yaml")
    with pytest.raises(RecordError):
        documents_in(tmp_path / "none.yaml")
