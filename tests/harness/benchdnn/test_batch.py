from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchdnn.batch import entries_in
from harness.errors import SettingsError, Unreadable

LINE = "ic3ih5oc4kh3"


def written(folder: Path, text: str, name: str = "shapes") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def names(path: Path) -> list[object]:
    return [entry["name"] for entry in entries_in(path)]


def test_an_entry_is_that_of_a_workload(tmp_path: Path) -> None:
    assert entries_in(
        written(tmp_path, "g2mb1ic4iw9oc6kw3sw2dw1n'a'  8x4:4x2 # both on one line")
    ) == [
        {
            "name": "a",
            "primitive": "grouped_conv1d",
            "sizes": {
                "n": 1,
                "g": 2,
                "ic": 2,
                "oc": 3,
                "iw": 9,
                "kw": 3,
                "stride": 2,
                "pad_w": 0,
                "dilation": 2,
            },
        },
        {"name": "matmul_2", "primitive": "matmul", "sizes": {"m": 8, "n": 2, "k": 4}},
    ]


def test_options_hold_until_they_are_reset(tmp_path: Path) -> None:
    text = f"""
        --conv --mb=4 {LINE} --batch=more/inner  {LINE}
        --reset --matmul --stag=ab --wtag=any --dtag=abx --dt=f32 8x4:4x2
    """
    (tmp_path / "more").mkdir()
    written(
        tmp_path / "more", f"--batch=../last --mb=0 mb7{LINE} --dir=FWD_I --alg=direct", "inner"
    )
    written(tmp_path, f"--cfg=f32 {LINE}", "last")
    sizes = [entry["sizes"] for entry in entries_in(written(tmp_path, text))]
    assert [size["n"] for size in sizes if isinstance(size, dict)] == [4, 4, 7, 2, 2]


def test_what_records_carry_can_be_pasted(tmp_path: Path) -> None:
    text = f"""
        --matmul --stag=abx --wtag=any --dtag=abx 8x4:4x2n"one"
        --conv --dir=FWD_I {LINE}n"two"
        --matmul --stag=abx --wtag=abx --dtag=abx 3x8x4:3x4x2n"three"
    """
    assert names(written(tmp_path, text)) == ["one", "two", "three"]


def test_names_are_distinct_identifiers(tmp_path: Path) -> None:
    given = ["conv1", "conv1", "conv1_2", "3x3:a/b*4", "", "no", "ü", "x" * 70, "x" * 70]
    text = "\n".join(f'{LINE}n"{name}"' for name in given)
    found = names(written(tmp_path, text))
    assert found[:7] == [
        *("conv1", "conv1_2", "conv1_2_2", "conv_3x3_a_b_4"),
        *("conv_5", "conv_no", "conv_7"),
    ]
    assert found[7:] == ["x" * 64, "x" * 62 + "_2"]


def test_words_may_go_on(tmp_path: Path) -> None:
    path = written(
        tmp_path, f"# a comment\n\n{LINE}\\\n   _n'two' \\\n  # not in a word\n ic1\\\nih2oc1kh1"
    )
    assert names(path) == ["two", "conv_2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"\n{LINE}\n  kh3", "shapes:3: kh3: ic is not given"),
        ("--dir=FWD_B", "shapes:1: --dir=FWD_B: --dir must be FWD_D or FWD_I"),
        ("--dt=f32,bf16", "shapes:1: --dt=f32,bf16: --dt must be f32 or f32:f32:f32"),
        ("--mb=1,2", "shapes:1: --mb=1,2: --mb takes one number"),
        (
            "\n--match=x",
            "shapes:2: --match=x: unknown option; known: --batch=FILE, --reset, --mb=N",
        ),
        ("--ip", "shapes:1: --ip: unknown option; known: --batch=FILE, --reset, --mb=N, --conv"),
        (f"--matmul\n{LINE}", "this is a problem of --conv, and --matmul was asked for"),
        ("--mb=3 2x3:3x4", "shapes:1: 2x3:3x4: --mb is no option of --matmul"),
        ("--stag=ba 2x3:3x4", "shapes:1: 2x3:3x4: --stag must be abx for this problem, got ba"),
        (f"--dtag=abx {LINE}", "--dtag must be any for this problem, got abx"),
        ("1x2x3:5x3x4", "shapes:1: 1x2x3:5x3x4: the first tensor, or part of a batch, is repeated"),
        ("3000000000x2:2x2", "3000000000x2:2x2: m must be <= 2147483647, got 3000000000"),
        ("--batch=shapes", "shapes:1: --batch=shapes is being read already"),
        ("--batch=none", "none: No such file or directory"),
        ("--batch=inner", "inner:2: 2x3: a matrix product is MxK:KxN"),
        ("# nothing", "shapes: no problem is in it"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    written(tmp_path, "\n2x3", "inner")
    with pytest.raises(SettingsError) as caught:
        entries_in(written(tmp_path, text))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shapes"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Unreadable, match=r"cannot read .*: it is no UTF-8 text"):
        entries_in(path)


def test_files_that_name_each_other_have_an_end(tmp_path: Path) -> None:
    for level in range(30):  # each names the next one twice: a tree of a thousand million
        written(tmp_path, f"--batch=tree_{level + 1}\n" * 2, f"tree_{level}")
    with pytest.raises(SettingsError, match="name each other more than 20 deep"):
        entries_in(tmp_path / "tree_0")
    for level in range(15):
        written(tmp_path, f"--batch=wide_{level + 1}\n" * 2, f"wide_{level}")
    written(tmp_path, LINE, "wide_15")
    with pytest.raises(SettingsError, match="more than 1000 files have been read"):
        entries_in(tmp_path / "wide_0")
    written(tmp_path, "--batch=ping", "pong")
    with pytest.raises(SettingsError, match="already"):
        entries_in(written(tmp_path, "--batch=pong", "ping"))
    with pytest.raises(SettingsError, match="more than 200000 words"):
        entries_in(written(tmp_path, "--reset\n" * 200_001))


def test_one_name_many_times_takes_no_longer_than_many_names(tmp_path: Path) -> None:
    found = entries_in(written(tmp_path, "2x3:3x4nsame\n" * 30_000))
    assert [e["name"] for e in found[:3]] == ["same", "same_2", "same_3"]
    assert len({e["name"] for e in found}) == 30_000


def test_a_word_may_go_on_for_many_lines(tmp_path: Path) -> None:
    text = "".join(f"{char}\\\n" for char in "2x3:3x4n" + "a" * 300_000)
    (entry,) = entries_in(written(tmp_path, text))
    assert entry["name"] == "a" * 64


@pytest.mark.parametrize("text", ["9" * 5000 + "x2:2x2", "mb" + "9" * 5000, "--mb=" + "9" * 5000])
def test_numbers_of_thousands_of_digits_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="a number of 5000 digits; 18 are allowed"):
        entries_in(written(tmp_path, text))
