"""An input is made by its number alone, and what it is a change of works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from tests.fuzz.inputs import BATCH, COMMANDS, DRY, EXPLAINED, MACHINE, MODEL, Corpus, made

INPUTS = 500
CORPUS = Corpus(
    {"matmul": ("scalar/order:m+n+k", "broadcast/vector:n.16/tile:m.4+n.2/order:m+n+k/unroll:4")},
    {"results.jsonl": '{"a": [1, {"b": "c"}]}\n', "campaign.yaml": "primitive: {name: x}\n"},
    json.dumps(MODEL),
)


def test_an_input_is_made_by_its_number_alone() -> None:
    forwards = [made(3, number, CORPUS) for number in range(INPUTS)]
    backwards = [made(3, number, CORPUS) for number in reversed(range(INPUTS))]
    for one, same in zip(forwards, reversed(backwards), strict=True):
        assert (one.kind, one.shown, one.files) == (same.kind, same.shown, same.files)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_is_changed_works(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("batch", BATCH), ("batch2", "8x8:8x8"), ("model.json", CORPUS.model)):
        Path(name).write_text(text)
    assert main(["run", MACHINE, *words, DRY]) == 0


def test_what_is_changed_of_an_explanation_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", MACHINE, *EXPLAINED]) == 0
