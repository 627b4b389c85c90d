"""The real server: it listens on loopback, and ends with whatever ends the command."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page

from harness.cli import dashboard, main
from harness.errors import RecordError, SettingsError
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup
from harness.record.writer import CampaignWriter
from harness.tracking.client import client_of
from harness.tracking.link import link_to
from harness.tracking.overview import overview
from harness.tracking.sink import sync
from tests.harness.record.results import Left, baseline_result, strategy_result
from tests.processes import family, heard, kill

SECONDS = 120.0
MAIN = "import sys; from harness.cli import main; sys.exit(main())"


class Started:
    """`polydl dashboard` on a store of its own."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind((dashboard.HOST, 0))
            self.port = probe.getsockname()[1]
        store = f"tracking.uri=sqlite:///{folder / 'mlflow.db'}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "dashboard", store, f"port={self.port}", *words],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            start_new_session=True,
        )
        self.below: list[psutil.Process] = []
        self.link = ""

    def wait(self) -> None:
        """Until it says where it can be opened."""
        assert self.process.stdout is not None
        for line in iter(self.process.stdout.readline, ""):  # the server has its own to say
            if line.startswith("open "):
                self.link = line.removeprefix("open ").strip()
                break
        self.below = [one for one in family(self.process.pid) if one.pid != self.process.pid]
        assert self.link.startswith(f"http://127.0.0.1:{self.port}")

    def listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((dashboard.HOST, self.port)) == 0

    def kill(self) -> None:
        self.process.kill()  # nothing, if it has ended
        kill(self.below)
        self.process.wait()

    def end(self) -> None:
        if self.process.returncode is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> CampaignFolder:
    """Three problems with ratios of their own, in a `runs/` that was moved since it was synced."""
    home = tmp_path_factory.mktemp("recorded")
    results = []
    for name, ratio in (("conv_mid", 0.9), ("conv_best", 1.25), ("conv_worst", 0.5)):
        speedup = Speedup(ratio, (ratio - 0.02, ratio + 0.02), "slower" if ratio < 1 else "faster")
        results += [baseline_result(name), strategy_result(name, speedup={"onednn": speedup})]
    with CampaignWriter(home / "runs" / "toy") as writer:
        writer.record([Left(results)])
        writer.folder.report.write_text("<!doctype html><title>p</title><h1>The review page</h1>")
        sync(writer.folder, None, "polydl", overview(results))
    (home / "runs").rename(home / "moved")
    return CampaignFolder(home / "moved" / "toy")


@dataclass(frozen=True)
class Viewed:
    """A campaign's dashboard, and where its `open=true` wrote what it would have opened."""

    server: Started
    folder: CampaignFolder
    opened: Path

    def parent(self) -> str:
        """The address of the campaign's own run."""
        client = client_of(f"http://127.0.0.1:{self.server.port}")
        number = client.get_experiment_by_name("polydl").experiment_id
        (run,) = client.search_runs([number], "tags.kind = 'campaign'")
        return f"http://127.0.0.1:{self.server.port}/#/experiments/{number}/runs/{run.info.run_id}"


@pytest.fixture(scope="module")
def another(
    recorded: CampaignFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """On a store of its own."""
    folder = tmp_path_factory.mktemp("another")
    shutil.copy(recorded.path.parent / "mlflow.db", folder)  # to make one takes seconds
    one = Started(folder)
    yield one
    one.end()


@pytest.fixture(scope="module")
def viewed(recorded: CampaignFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    home = tmp_path_factory.mktemp("browser")
    opened = home / "opened.txt"
    script = home / "browser.sh"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    script.chmod(0o755)
    words = (str(recorded.path), "open=true")
    server = Started(recorded.path.parent, *words, BROWSER=str(script))
    server.wait()
    yield Viewed(server, recorded, opened)
    server.end()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1600, "height": 1000}) as context:
        one = context.new_page()
        one.set_default_timeout(30_000)
        yield one


@pytest.mark.needs("chromium")
def test_the_link_shows_the_worst_first_with_its_speedup(viewed: Viewed, page: Page) -> None:
    page.goto(viewed.server.link)
    cell = "[role=gridcell][col-id='metrics.`speedup.onednn`']"
    page.wait_for_selector(cell)
    assert [one.inner_text() for one in page.query_selector_all(cell)] == ["0.5", "0.9", "1.25"]
    names = page.query_selector_all("[role=gridcell][col-id='attributes.`Run Name`'] a")
    assert [one.inner_text() for one in names] == [
        f"{problem} roofline" for problem in ("conv_worst", "conv_mid", "conv_best")
    ]
    for column in ("speedup.onednn", "speedup.onednn.ci95_low", "speedup.onednn.ci95_high"):
        header = page.query_selector(f"[role=columnheader][col-id='metrics.`{column}`']")
        assert header is not None and header.is_visible() and header.inner_text() == column


@pytest.mark.needs("chromium")
def test_the_campaigns_note_and_page_open(viewed: Viewed, page: Page) -> None:
    page.goto(viewed.parent())
    page.get_by_role("heading", name="Geometric means").wait_for()
    row = page.locator("tr", has_text="conv_worst").first.inner_text()
    assert "0.50 [0.48 0.52]" in row and "slower" in row
    page.goto(f"{viewed.parent()}/artifacts/report.html")
    page.frame_locator("iframe").get_by_role("heading", name="The review page").wait_for()


def test_open_opens_the_link(viewed: Viewed) -> None:
    deadline = time.monotonic() + SECONDS
    while not viewed.opened.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert viewed.opened.read_text() == viewed.server.link


def test_a_campaign_that_is_not_in_the_store_is_told(viewed: Viewed, tmp_path: Path) -> None:
    with CampaignWriter(tmp_path / "other") as writer:
        writer.record([Left([baseline_result()])])
    with pytest.raises(RecordError, match=f"polydl sync {writer.folder.path}"):
        link_to(f"http://127.0.0.1:{viewed.server.port}", "polydl", writer.folder)


def test_a_store_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["dashboard"]) == 2
    assert "no store at" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_port_on_loopback() -> None:
    assert dashboard.HOST == "127.0.0.1"
    with socket.socket() as held:
        held.bind((dashboard.HOST, 0))
        held.listen()
        taken = held.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {taken} on 127.0.0.1 is in use"):
            dashboard.free_port(taken)
        assert dashboard.free_port(None) not in (0, taken)
    assert dashboard.free_port(taken) == taken


def test_its_server_ends_with_it(viewed: Viewed, another: Started) -> None:
    """The last of these: nobody looks at the first one any more."""
    another.wait()
    both = (viewed.server, another)
    assert [heard(one.below) for one in both] == [{dashboard.HOST}] * 2
    for number, one in zip((signal.SIGHUP, signal.SIGKILL), both, strict=True):
        assert one.listening()
        os.kill(one.process.pid, number)
    statuses = [one.process.wait(SECONDS) for one in both]
    assert statuses == [128 + signal.SIGHUP, -signal.SIGKILL]
    deadline = time.monotonic() + SECONDS
    while any(one.listening() for one in both) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(one.listening() for one in both)
    _, alive = psutil.wait_procs([p for one in both for p in one.below], timeout=SECONDS)
    assert not alive
