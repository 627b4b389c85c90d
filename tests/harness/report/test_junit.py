from __future__ import annotations

from xml.etree import ElementTree

from compiler.errors import printable
from harness.analysis.comparison import compared
from harness.report.junit import as_junit
from tests.harness.analysis.past import campaign, changed
from tests.harness.report.hostile import TEXTS, hostile

BEFORE = campaign("before")


def test_a_slower_contender_is_a_failure_with_its_interval() -> None:
    after = campaign("after", slow={"roofline": 1.1}, host={"governor": "powersave"})
    suite = ElementTree.fromstring(as_junit(compared(BEFORE, after)))
    assert suite.tag == "testsuite" and suite.attrib["tests"] == "9"
    failed = [c.attrib["name"] for c in suite.findall("testcase") if c.find("failure") is not None]
    assert failed == ["roofline"] * 3 and suite.attrib["failures"] == "3"
    (told,) = {f.attrib["message"][:24] for f in suite.iter("failure")}
    assert told == "slower by more than 3%: "
    (found,) = suite.iter("property")
    assert found.attrib == {"name": "host: governor", "value": "unknown -> powersave"}


def test_counts_are_those_of_the_cases() -> None:
    after = changed(campaign("after"), "top_k", seconds=None, status="failed", speedup={})
    noisy = changed(after, "roofline", noise=0.5, speedup={})
    suite = ElementTree.fromstring(as_junit(compared(BEFORE, noisy)))
    for name, tag in (("errors", "error"), ("failures", "failure"), ("skipped", "skipped")):
        assert int(suite.attrib[name]) == len(list(suite.iter(tag)))
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    assert int(suite.attrib["errors"]) == 2


def test_hostile_texts_stand_in_it_whole() -> None:
    suite = ElementTree.fromstring(as_junit(compared(hostile("a"), hostile("b"))))
    names = {case.attrib["classname"] for case in suite.findall("testcase")}
    assert {printable(one) for one in TEXTS} <= names
    assert not {node.tag for node in suite.iter()} - {
        *("testsuite", "properties", "property", "testcase"),
        *("failure", "error", "skipped", "system-out"),
    }
