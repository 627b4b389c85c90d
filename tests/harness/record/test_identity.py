from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.record.identity import Identity, Lines, identity_of, identity_of_copy, line_id
from harness.record.journal import CampaignFolder
from harness.record.result_line import line_of
from harness.record.writer import CampaignWriter
from tests.harness.record.results import Left, baseline_result, strategy_result


def identity(folder: CampaignFolder) -> Identity:
    return identity_of(folder.identity_file, folder.results_file)


def begun(path: Path, *units: Left) -> CampaignFolder:
    with CampaignWriter(path) as writer:
        writer.write_start({"started": "now"})
        for unit in units:
            writer.record([unit])
        return writer.folder


def gone_on(folder: CampaignFolder, *units: Left) -> None:
    with CampaignWriter(folder.path, resume=True) as writer:
        writer.record(units)


def test_an_id_is_given_once_and_bound_to_the_first_line(tmp_path: Path) -> None:
    folder = begun(tmp_path / "a")
    first = identity(folder)
    assert len(first.id) == 32 and first.first is None
    gone_on(folder, Left([baseline_result()]))
    bound = identity(folder)
    assert bound == Identity(first.id, line_id(line_of(baseline_result()).encode()))
    gone_on(folder, Left([strategy_result()]))
    assert identity(folder) == bound
    moved = CampaignFolder(folder.path.rename(tmp_path / "b"))
    assert identity(moved) == bound
    assert identity(begun(tmp_path / "a")).id != first.id


def test_other_records_have_another_id(tmp_path: Path) -> None:
    folder = begun(tmp_path / "a", Left([baseline_result()]))
    other = begun(tmp_path / "b", Left([strategy_result()]))
    shutil.copy(folder.identity_file, other.identity_file)
    assert identity(other).id != identity(folder).id
    assert identity(other) == identity(other)
    folder.results_file.unlink()
    again = begun(folder.path, Left([strategy_result(gflops=1.0)]))
    assert identity(again).id != identity(other).id


def test_a_campaign_without_one_gets_it_from_its_first_line(tmp_path: Path) -> None:
    """So copies of it have the same, also where it cannot be kept."""
    folder = begun(tmp_path / "a", Left([baseline_result()]))
    for nothing in ("", "{", '{"id": 3, "first": null}', '{"id": "../x", "first": null}'):
        folder.identity_file.write_text(nothing)
        derived = identity(folder)
        assert derived == identity(folder)
    unkept = begun(tmp_path / "b", Left([baseline_result()]))
    unkept.identity_file.unlink()
    unkept.identity_file.mkdir()  # where nothing can be written, not even by root
    assert identity(unkept) == derived == identity(unkept)
    assert not list(unkept.path.glob(".identity*"))


def test_a_copy_that_went_on_is_named_by_all_it_holds(tmp_path: Path) -> None:
    folder = begun(tmp_path / "a", Left([baseline_result()]))
    one = identity_of_copy(folder.results_file)
    assert one.first == identity(folder).first and one.id != identity(folder).id
    gone_on(folder, Left([strategy_result()]))
    assert identity_of_copy(folder.results_file).id != one.id


def test_lines_are_whole_and_the_newest_of_a_trial_counts(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    assert Lines.of(file) == Lines()
    file.write_bytes(b'{"trial": "a"}\n\n[1]\n{"trial": "a", "n": 2}\n{"trial": "b"')
    lines = Lines.of(file)
    assert len(lines.ids) == 3
    assert lines.newest == (("a", line_id(b'{"trial": "a", "n": 2}')),)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "[" * 100_000, '{"id": 1, "first": null}', '{"id": "' + "0" * 32 + '", "first": 1}'],
)
def test_what_is_no_id_gives_way_to_a_new_one(text: str, tmp_path: Path) -> None:
    folder = begun(tmp_path / "a", Left([baseline_result()]))
    before = identity_of(tmp_path / "none.json", folder.results_file)
    folder.identity_file.write_text(text)
    assert identity(folder) == before == identity(folder)
    with folder.results_file.open("a") as file:
        file.write(text + "\n")
    assert [trial for trial, _ in Lines.of(folder.results_file).newest] == ["conv_a-onednn"]
