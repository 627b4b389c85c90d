"""Options of the whole suite, what ends a test that hangs, and what is told of tests left out."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.modules import CLUSTER, ModuleScheduling, places
from tests.programs import found, missing, told

SOAK_SECONDS = 3 * 60 * 60
GRACE = 0.25  # of its limit: for a test that has been failed to put its things away
_LIMIT = pytest.StashKey[float]()
_TERMINAL = pytest.StashKey[int]()  # stderr as it was before tests' output is captured


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden C files of the tests"
    )
    parser.addoption("--seed", type=int, help="draw again what a soak test has drawn")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than processors, for some tests wait most of their time; but one on one."""
    processors = len(os.sched_getaffinity(0))
    return processors + (processors > 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    return ModuleScheduling(config, log)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def build_cache(shared: Path) -> Path:
    """An XDG_CACHE_HOME for all processes of a run: what they share is built once."""
    cache = shared / "build_cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TERMINAL] = os.dup(2)
    # What a script runs in the background ignores Ctrl-C, and so would all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[_TERMINAL])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: the garbage collector need not look at it again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first: none is left to one process at the end."""
    place = places(module_of(item) for item in items)
    for item in items:
        if item.get_closest_marker("cluster") and not item.nodeid.startswith(CLUSTER):
            raise pytest.UsageError(f"{item.nodeid}: tests marked `cluster` stand in {CLUSTER}")
    long = {module_of(item) for item in items if item.get_closest_marker("timeout")}

    def order(item: pytest.Item) -> tuple[bool, bool, float]:
        module = module_of(item)
        return not module.startswith(CLUSTER), module not in long, place[module]

    items.sort(key=order)
    for item in items:
        if item.get_closest_marker("soak") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SOAK_SECONDS))
        for marker in item.iter_markers("needs"):
            for reason in filter(None, map(missing, marker.args)):
                item.add_marker(pytest.mark.skip(reason=reason))


def module_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tests that were left out, in the end of every run: a gap that nobody sees is a fault."""
    left_out: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        left_out.setdefault(reason.removeprefix("Skipped: "), []).append(report.nodeid)
    if left_out:
        terminalreporter.section("left out")
        for line in told(left_out):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; a test that uses it is marked `needs("chromium")`.

    A page of it is closed by the test that opened it: `browser.new_context()` in a `with`.
    """
    program = found("chromium")
    assert program is not None, missing("chromium")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program)
        yield one
        one.close()


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """A second limit, for what the first one's signal does not reach: native code that never
    returns. It ends the process, which needs no lock of the interpreter; the kernel then ends the
    measuring children, and xdist fails the test and starts another worker."""
    item.stash[_LIMIT] = settings.timeout * (1 + GRACE)
    _end_process_after(item)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer() -> None:
    faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Again, for a failed test has lost both limits."""
    if _LIMIT in item.stash:
        _end_process_after(item)


def _end_process_after(item: pytest.Item) -> None:
    faulthandler.dump_traceback_later(
        item.stash[_LIMIT], file=item.config.stash[_TERMINAL], exit=True
    )
