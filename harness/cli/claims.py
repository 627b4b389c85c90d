"""polydl claims: what paper, README and docs say, held against records; status 1 on a surprise."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from compiler.errors import CompilerError
from harness.baseline.baseline import Missing
from harness.baseline.builders import availability
from harness.claims.claim import Claims, claims_in
from harness.claims.pages import changed
from harness.claims.reading import Reader, held_against, own_path, selected
from harness.claims.sources import check_sources
from harness.claims.verdict import Here, Judged, lacked, unfit
from harness.claims.view import as_html, claims_data, claims_grid, write_view
from harness.cli import run
from harness.cli.asked import Claims as Asked
from harness.conf_files import CONF
from harness.errors import HarnessError, SettingsError
from harness.kernel.toolchain import Toolchain
from harness.kernel.vector_unit import read_cpuinfo
from harness.measure.host import cpu_model
from harness.outside import path_of, write_text
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.result_line import json_text
from harness.report.grid import shown
from harness.report.markdown import as_markdown
from harness.report.terminal import Terminal, as_text, plain, terminal
from harness.settings import cache_folder

FILE = CONF.parent / "experiments" / "claims.yaml"
RUNNABLE = "polydl run "


def main(asked: Asked) -> int:
    _check_together(asked)
    claims = known_claims(None if asked.file is None else path_of(asked.file))
    if asked.tables:
        _write_tables(claims, terminal())
    check_sources(claims)
    if asked.tables:
        return 0
    chosen = selected(claims, asked.select)
    here = this_machine(claims)
    if asked.source is not None:
        folder = find_campaign(asked.source)
        found, of = held_against(folder.path, claims, chosen, here), f"campaign {folder.name}"
    else:
        reader = Reader(claims, here, own=asked.again)
        if asked.minutes:
            _measure_missing(reader, [c.campaign for c in chosen if c.campaign], asked.minutes)
        found, of = [reader.judged(claim) for claim in chosen], "the records that are kept"
    _write(asked, found, claims, of)
    return int(any(one.unexplained for one in found))


def _check_together(asked: Asked) -> None:
    """Refuse, by SettingsError, words that would have no effect beside others."""
    told = {"SELECT": asked.select, "from": asked.source, "minutes": asked.minutes}
    told |= {"again": asked.again, "out": asked.out, "format": asked.format != "text"}
    if asked.tables and (idle := [word for word, given in told.items() if given]):
        raise SettingsError(f"tables=true writes every table; it takes no {' or '.join(idle)}")
    if asked.source and (idle := [word for word in ("minutes", "again") if told[word]]):
        raise SettingsError(f"from={asked.source} is read alone; it takes no {' or '.join(idle)}")


def known_claims(file: Path | None = None) -> Claims:
    """Those of a file, or of this checkout."""
    if file is None and not FILE.is_file():
        raise SettingsError("no claims beside this installation; name a file: file=FILE")
    return claims_in(file or FILE)


def write_view_of(folder: CampaignFolder) -> Path:
    """The page of all claims held against one campaign, in its folder."""
    claims = known_claims()
    return write_view(folder, claims, this_machine(claims))


def this_machine(claims: Claims) -> Here:
    """What it can measure of the claims' campaigns."""
    toolchain = Toolchain.opened(cache_folder())
    needed = {name for campaign in claims.campaigns.values() for name in campaign.needs}
    missing = {n for n in needed if isinstance(availability(n, {}, toolchain), Missing)}
    cores = psutil.cpu_count(logical=False) or 1
    return Here(cpu_model(read_cpuinfo()), cores, frozenset(missing))


def _measure_missing(reader: Reader, campaigns: Sequence[str], minutes: float) -> None:
    """Those that lack records, whose commands take no longer than `minutes` each, one by one.

    What one of them is refused for is told, and is the reason of its claims: others go on.
    """
    console, claims = terminal(), reader.claims
    for name in dict.fromkeys(campaigns):
        campaign = claims.campaigns[name]
        if not campaign.command.startswith(RUNNABLE) or not reader.due(name):
            continue
        here = reader.here  # on another machine than is claimed of, where that is asked for
        lacks = lacked(campaign, here) if reader.own else unfit(campaign, claims.hosts, here)
        if lacks is not None:
            continue
        if campaign.minutes > minutes:
            told = f"{name}: takes {campaign.minutes:g} minutes, more than minutes={minutes:g}"
            console.print(plain(told, "yellow"), soft_wrap=True)
            continue
        path = own_path(name)
        where = "resume" if CampaignFolder(path).exists else "dir"
        words = [*shlex.split(campaign.command)[2:], f"campaign.{where}={path}"]
        try:
            run.measured(words, run.open_pool)
        except (HarnessError, CompilerError) as refusal:
            console.print(plain(f"{name}: {refusal}", "yellow"), soft_wrap=True)
            reader.forget(name, refused=str(refusal))
        else:
            reader.forget(name)


def _write(asked: Asked, found: Sequence[Judged], claims: Claims, of: str) -> None:
    grid = claims_grid(found)
    if asked.format == "text" and asked.out is None:
        terminal().print(shown(grid), soft_wrap=True)
        return
    text = {
        "text": lambda: as_text(shown(grid)),
        "markdown": lambda: as_markdown(grid),
        "json": lambda: json_text(claims_data(found, claims)) + "\n",
        "html": lambda: as_html(found, claims, of),
    }[asked.format]()
    if asked.out is None:
        sys.stdout.write(text)
    else:
        write_text(path_of(asked.out), text)


def _write_tables(claims: Claims, console: Terminal) -> None:
    pages = changed(claims.folder.resolve().parent, claims)
    for page, text in pages.items():
        write_text(page, text)
        console.print(f"written: {page}", soft_wrap=True)
    if not pages:
        console.print("every table is as its records make it")
