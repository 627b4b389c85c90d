"""The page as text: one file, nothing from elsewhere, any text as text, small whatever the size."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from pathlib import Path

import pytest

from harness.record.journal import CampaignFolder
from harness.report.review_file import write_review
from harness.report.review_page import script_json
from tests.harness.report.test_explain_page import Page
from tests.harness.review_campaigns import HOSTILE, made_up


def page_of(folder: CampaignFolder) -> str:
    return write_review(folder).read_text()


def element(text: str, name: str) -> str:
    found = re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', text, re.DOTALL)
    assert found is not None, name
    return found[1]


def pack(text: str, name: str) -> dict[str, dict[str, object]]:
    held = zlib.decompress(b64decode(element(text, name)), wbits=-zlib.MAX_WBITS)
    return dict(json.loads(held))


def test_the_strip_stands_in_the_page_without_its_script(tmp_path: Path) -> None:
    text = page_of(made_up(tmp_path / "one", problems=5))
    page = Page(text.partition("<script")[0] + "</body></html>")
    for told in ("Faster than onednn?", "roofline", "What loses most", "layer_0000", "bound by L2"):
        assert told in page.text
    assert "traffic of 1.0 MB from L2" in page.text
    assert "1 trial failed" in page.text
    assert "polydl run" in page.text


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    text = page_of(made_up(tmp_path / "one", problems=2))
    assert "default-src 'none'" in text
    assert not re.search(r"\b(src|href)=\"(?!#)", text)
    assert "@import" not in text
    assert "url(" not in text


def test_rows_as_json_and_the_rest_in_packs(tmp_path: Path) -> None:
    text = page_of(made_up(tmp_path / "one", problems=20))
    rows = json.loads(element(text, "review"))
    assert len(rows["trials"]) == 60
    last = rows["trials"][-1]["trial"]
    number = (len(rows["trials"]) - 1) // rows["per_pack"]
    assert pack(text, f"details-{number}")[last]["commands"]
    assert pack(text, f"samples-{number}")[last]["total"] == 60
    kernel = rows["trials"][-3]["kernel"]
    (source,) = (
        held[kernel]
        for n in set(rows["kernels"].values())
        for held in [pack(text, f"kernels-{n}")]
        if kernel in held
    )
    assert str(source).startswith("/* matmul m=19 */")


def test_any_text_is_text(tmp_path: Path) -> None:
    text = page_of(made_up(tmp_path / "one", problems=5, words=HOSTILE))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    json.loads(element(text, "review"))  # nothing ended the element early


@pytest.mark.parametrize("value", ["</script>", "<!--", "&lt;", "a\u2028b", float("1e300")])
def test_json_in_a_script_comes_back_as_it_went_in(value: object) -> None:
    text = script_json({"a": value})
    assert not re.search("[<>&]", text)
    assert text.isascii()
    assert json.loads(text) == {"a": value if value != "a\u2028b" else "a\\u2028b"}


@pytest.mark.parametrize(("problems", "most"), [(10, 1.5e6), (100, 1.5e6)])
def test_the_size_stays_small(tmp_path: Path, problems: int, most: float) -> None:
    assert len(page_of(made_up(tmp_path / "one", problems))) <= most


def test_an_alarm_where_more_than_a_tenth_was_disturbed(tmp_path: Path) -> None:
    quiet = page_of(made_up(tmp_path / "quiet", problems=3))
    assert 'role="alert"' not in quiet
    folder = made_up(tmp_path / "loud", problems=3)
    lines = folder.results_file.read_text().replace('"noise": 0.02', '"noise": 0.4')
    folder.results_file.write_text(lines)
    assert 'role="alert"' in page_of(folder)
