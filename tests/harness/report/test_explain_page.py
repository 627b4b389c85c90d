"""The page of an explanation: all facts, nothing from elsewhere, names as text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.specification import primitive_from
from harness.analysis.explained import Explanation, LoopOrder, Source, explained
from harness.report.explain import document, fusion_line
from harness.report.explain_page import as_html
from tests.fuzz.inputs import small

MACHINE = Architecture(
    "host", "x86_64", 64, 32, caches=(CacheLevel("L1", 2**15), CacheLevel("L2", 2**20)), peak=100.0
)
EMPTY = ("meta", "link", "img", "br", "hr", "input")


class Page(HTMLParser):
    """The texts of a page, its tags and attributes; raises where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def explanation(
    name: str, ranking: str = "roofline", order: LoopOrder | None = None
) -> Explanation:
    return explained(name, primitive_from(small(name)), MACHINE, 2, order, Source(ranking))


@pytest.mark.parametrize(
    ("name", "ranking", "order"),
    [
        ("matmul", "roofline", None),
        ("conv2d_bn_relu", "roofline", None),
        ("matmul", "polydl", None),
        ("matmul", "roofline", LoopOrder(("m", "n", "k"))),
    ],
)
def test_every_fact_of_the_json_form_is_there(
    name: str, ranking: str, order: LoopOrder | None
) -> None:
    one = explanation(name, ranking, order)
    page = Page(as_html(one))
    facts = document(one)
    assert facts["kernel"]["text"] in page.text
    for part in facts["statements"]:
        assert part["domain"] in page.text
        assert all(access["map"] in page.text for access in part["accesses"])
    assert all(line in page.text for line in facts["dependences"])
    assert all(ranked["schedule"] in page.text for ranked in facts["ranked"])
    assert all(f"{name}={value}" in page.text for name, value in facts["problem"]["sizes"].items())
    assert "\n".join(facts["loop_nest"]) in page.text
    assert all(fusion_line(fusion) in page.text for fusion in one.shown.fusions)
    for level, held in (facts["levels"] or {}).items():
        assert level in page.text and f"{held:,}" in page.text
    for name in (facts["estimate"] or {"parts": ()})["parts"]:
        assert name in page.text
    assert ("No working sets" in page.text) == (facts["working_sets"] is None)


def test_nothing_comes_from_elsewhere() -> None:
    page = Page(as_html(explanation("matmul")))
    assert not page.tags & {"script", "link", "img", "iframe", "form"}
    for name, value in page.attributes:
        assert name not in ("src", "srcset", "action")
        assert name != "href" or str(value).startswith("#")
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_names_are_text() -> None:
    hostile = "</title><script>alert(1)</script>\x1b[31m" + "x" * 10_000
    one = explanation("matmul")
    page = Page(as_html(replace(one, name=hostile, architecture=replace(MACHINE, name=hostile))))
    assert "script" not in page.tags
    assert page.text.count("<script>alert(1)</script>\\x1b[31m") == 3
