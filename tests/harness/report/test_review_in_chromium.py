"""The review page as a reviewer uses it, in a real browser."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from harness.record.journal import CampaignFolder
from harness.report.review_file import write_comparison, write_review
from tests.harness.review_campaigns import HOSTILE, LONG, made_up

pytestmark = pytest.mark.needs("chromium")

LAPTOP, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 844}
READY = "html[data-ready]"
SECTIONS = ("speedups", "table", "shares", "roofline", "model", "convergence", "noise", "details")


@dataclass
class Opened:
    """A page with what it complained of and what it asked others for."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def wide(self) -> bool:
        """Whether anything reaches past the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


Opens = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opens]:
    """Opens files; each must end without a fault and without a request beyond the file."""
    pages: list[Opened] = []

    def opening(file: Path, address: str = "", **options: Any) -> Opened:
        page = browser.new_context(**{"viewport": LAPTOP, **options}).new_page()
        one = Opened(page)
        pages.append(one)

        def told(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                one.faults.append(message.text)

        page.on("console", told)
        page.on("pageerror", lambda error: one.faults.append(str(error)))
        page.on("request", lambda request: one.requests.append(request.url))
        page.goto(f"file://{file}{address}")
        page.wait_for_selector(READY, state="attached")
        return one

    yield opening
    for one in pages:
        assert one.faults == []
        beyond = [url for url in one.requests[1:] if not url.startswith("blob:")]
        assert beyond == []
        one.page.context.close()


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a campaign of quickstart's shape: ten problems, two strategies, one baseline."""
    return write_review(made_up(tmp_path_factory.mktemp("ten") / "ten", problems=10))


def selected(page: Page) -> dict[str, set[str]]:
    """The problems that are marked as selected, by section."""
    found: dict[str, set[str]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("main section")].map((section) =>
          [section.id, [...section.querySelectorAll("[data-problem].selected")]
            .map((node) => node.dataset.problem)]))"""
    )
    return {section: set(problems) for section, problems in found.items()}


def test_a_real_campaign_draws_every_section(small_campaign: CampaignFolder, opened: Opens) -> None:
    page = opened(small_campaign.report)
    for section in SECTIONS:
        assert page.page.locator(f"#{section} .content > *").count() > 0, section
    for chart in ("speedups", "roofline", "model", "convergence", "noise"):
        assert page.page.locator(f"#{chart} svg").count() > 0, chart
    assert "void polydl_kernel" in page.text("#details .source")
    assert page.page.locator("#details .sample").count() > 0
    assert "for n" in page.text("#details")
    commands = page.text("#details")
    for told in ("polydl run primitive=matmul", "polydl explain", "benchdnn --mode=P"):
        assert told in commands
    assert not page.wide()


def test_the_first_800_pixels_answer_the_three_questions(ten: Path, opened: Opens) -> None:
    page = opened(ten)
    told = {}
    for name in ("faster", "loss", "trust"):
        box = page.page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800
        assert box["x"] + box["width"] <= 1200
        told[name] = page.text(f"#{name}")
    assert "onednn" in told["faster"] and "[" in told["faster"] and "faster" in told["faster"]
    for evidence in ("layer_", "slower", "traffic of 1.0 MB", "bound by L2", "model", "noise"):
        assert evidence in told["loss"]
    assert "disturbed" in told["trust"] and "verified" in told["trust"]
    worst = page.page.locator("#speedups .row").first.bounding_box()
    assert worst is not None and worst["y"] < 800


def test_a_click_selects_the_problem_everywhere(ten: Path, opened: Opens) -> None:
    page = opened(ten)
    page.page.locator("#table tr", has_text="layer_0007").first.click()
    page.page.wait_for_function(
        "document.querySelector('#details').innerText.includes('layer_0007')"
    )
    page.page.wait_for_function(
        "document.querySelector('#noise .selected h4')?.innerText == 'layer_0007'"
    )
    found = selected(page.page)
    for section in ("speedups", "table", "roofline", "model", "convergence", "noise", "timeline"):
        assert found[section] == {"7"}, section
    assert "layer_0007" in page.text("#selected")
    page.page.locator("#speedups .row", has_text="layer_0002").click()
    page.page.wait_for_function(
        "document.querySelector('#details').innerText.includes('layer_0002')"
    )
    assert selected(page.page)["table"] == {"2"}


def test_filters_and_sorting(ten: Path, opened: Opens) -> None:
    page = opened(ten)
    names = page.page.locator("#table tbody th a")
    assert names.all_inner_texts()[:2] == ["layer_0004", "layer_0009"]  # failures first
    page.page.get_by_role("button", name="problem").click()
    assert names.all_inner_texts() == [f"layer_000{n}" for n in range(10)]
    page.page.get_by_role("button", name="problem").click()
    assert names.first.inner_text() == "layer_0009"
    page.page.select_option("select[name=verdict]", "slower")
    assert sorted(names.all_inner_texts()) == ["layer_0000", "layer_0005"]
    assert page.page.locator("#speedups .row").count() == 2
    page.page.select_option("select[name=verdict]", "")
    page.page.select_option("select[name=network]", "network_1")
    page.page.select_option("select[name=strategy]", "top_k")
    assert sorted(names.all_inner_texts()) == ["layer_0001", "layer_0004", "layer_0007"]
    assert "roofline" not in page.text("#table tbody >> nth=0")


def test_an_address_brings_selection_filters_and_order_back(ten: Path, opened: Opens) -> None:
    page = opened(ten)
    page.page.select_option("select[name=strategy]", "top_k")
    page.page.locator("#table tr", has_text="layer_0003").first.click()
    address = page.page.evaluate("location.hash")
    other = opened(ten, address)
    assert "layer_0003 top_k" in " ".join(other.text("#selected").split())
    assert other.page.locator("select[name=strategy]").input_value() == "top_k"
    unknown = opened(ten, "#problem=gone&trial=gone&verdict=gone")
    assert "No trial passes" in unknown.text("#table")


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_dark_and_light_by_the_system_and_by_the_switch(
    viewport: dict[str, int], ten: Path, opened: Opens
) -> None:
    page = opened(ten, viewport=viewport, color_scheme="dark")

    def paper() -> list[int]:
        colour = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return [int(part) for part in colour.strip("rgb()").split(",")]

    assert max(paper()) < 60
    page.page.click("#theme")  # dark
    assert max(paper()) < 60
    page.page.click("#theme")  # light
    assert min(paper()) > 240
    assert not page.wide()


def test_it_prints_to_a4(ten: Path, opened: Opens, tmp_path: Path) -> None:
    page = opened(ten)
    printed = page.page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") <= 15
    page.page.emulate_media(media="print")
    assert not page.page.locator("#filters").is_visible()
    assert page.page.locator("#table").is_visible()


def test_a_chart_s_numbers_as_csv(ten: Path, opened: Opens, tmp_path: Path) -> None:
    page = opened(ten)
    assert page.page.locator("figure").count() == page.page.locator("figure .csv").count()
    with page.page.expect_download() as caught:
        page.page.locator("#speedups .csv").click()
    caught.value.save_as(tmp_path / "speedups.csv")
    with (tmp_path / "speedups.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18  # of 20 strategies' trials two failed
    assert {row["baseline"] for row in rows} == {"onednn"}
    assert all(float(row["low"]) <= float(row["ratio"]) <= float(row["high"]) for row in rows)


def test_the_worst_shares_stand_beside_all_of_them(ten: Path, opened: Opens) -> None:
    page = opened(ten)
    assert "geometric mean 0.60, worst 0.60" in page.text("#shares figcaption")
    assert page.page.locator("#shares .point").count() == 18  # timed trials of strategies
    assert page.page.locator("#shares .worst tbody tr").count() == 15
    page.page.locator("#shares .worst tbody tr").nth(3).click()
    assert page.page.locator("#shares .worst tr.selected").count() >= 1


@pytest.mark.soak
def test_2000_trials(tmp_path: Path, opened: Opens) -> None:
    file = write_review(made_up(tmp_path / "many", problems=667, sampled=40))
    assert file.stat().st_size < 5e6
    page = opened(file)
    assert page.page.locator("#table tbody tr").count() == 2001
    assert page.page.locator("#speedups .row").count() == 667
    page.page.locator("#speedups .row").nth(300).click()
    assert len(selected(page.page)["table"]) == 1
    assert not page.wide()


def test_hostile_text_is_text(tmp_path: Path, opened: Opens) -> None:
    words = HOSTILE + LONG
    file = write_review(made_up(tmp_path / "hostile", problems=5, words=words))
    page = opened(file)
    page.page.on("dialog", lambda dialog: page.faults.append(dialog.message))
    assert page.page.locator("img").count() == 0
    for row in range(3):
        page.page.locator("#table tbody tr").nth(row).click()
    assert '<script>alert("x")</script>' in page.text("#details")
    assert "wrong at element 3" in page.text("#table")
    assert not page.wide()
    phone = opened(file, viewport=PHONE)
    assert not phone.wide()


def test_two_campaigns_say_what_differs_first(tmp_path: Path, opened: Opens) -> None:
    before, after = (made_up(tmp_path / name, problems=4) for name in ("before", "after"))
    lines = after.results_file.read_text().replace("A processor", "Another processor")
    after.results_file.write_text(lines)
    page = opened(write_comparison([before, after]))
    differs = page.page.locator(".differences").bounding_box()
    ratios = page.page.locator("#compare svg").first.bounding_box()
    assert differs is not None and ratios is not None
    assert differs["y"] < ratios["y"]
    assert "Another processor" in page.text(".differences")
    assert page.page.locator("#compare .row").count() == 12
    page.page.locator("#compare .row").first.click()
    assert selected(page.page)["table"] != set()


def test_an_a_a_test_tells_its_false_verdicts(tmp_path: Path, opened: Opens) -> None:
    page = opened(write_review(made_up(tmp_path / "twin", problems=5, baselines=("twin",))))
    assert "A/A" in page.text("#noise")
    assert page.text("#noise").count("2 false verdicts") == 2
    assert page.page.locator("#timeline").is_visible()


def test_a_tuned_baseline_stands_beside_the_other_with_its_seconds(
    tmp_path: Path, opened: Opens
) -> None:
    folder = made_up(tmp_path / "tuned", problems=3, baselines=("onednn", "autotvm"))
    page = opened(write_review(folder))
    rows = page.page.locator("#table tbody").first.locator("tr")
    onednn, autotvm = rows.all_inner_texts()[2:4]
    assert "0.3 s" in autotvm
    assert "0.3 s" not in onednn
    page.page.select_option("select[name=baseline]", "autotvm")
    assert "against autotvm" in page.text("#table figcaption")
    assert "times as fast as autotvm" in page.text("#speedups figcaption")
    assert "roofline / autotvm" in page.text("#faster")
