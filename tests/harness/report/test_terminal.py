from __future__ import annotations

import builtins
import io

import pytest
from rich.live import Live
from rich.table import Table

from harness.record.result import Speedup
from harness.report.tables import campaign_table
from harness.report.terminal import Terminal, plain
from tests.harness.record.results import baseline_result, strategy_result

HOSTILE = "a[/b] [red]x[/] :smile: \x1b]0;title\x07 \x1b[31m \x9b1A \u202e \ud800"


def printed(*things: object, terminal: bool = False) -> str:
    out = io.StringIO()
    Terminal(file=out, width=200, force_terminal=terminal).print(*things, soft_wrap=True)
    out.getvalue().encode()  # no lone surrogate
    return out.getvalue()


def test_a_file_stays_a_file_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:  # as rich knows a notebook
        pass

    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    assert printed("x") == "x\n"


def test_a_text_is_printed_as_text() -> None:
    for thing in (HOSTILE, plain(HOSTILE)):
        text = printed(thing)
        assert text.startswith("a[/b] [red]x[/] :smile: \\x1b]0;title\\x07 \\x1b[31m \\x9b1A")
        assert text.rstrip("\n").isprintable()


@pytest.mark.parametrize("terminal", [False, True])
def test_so_are_cells_titles_and_what_is_live(terminal: bool) -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    out = io.StringIO()
    console = Terminal(file=out, width=200, force_terminal=terminal, color_system=None)
    with Live(table, console=console, auto_refresh=False):
        console.print(HOSTILE)
    for text in (printed(table), out.getvalue()):
        assert "\x1b]0;" not in text and "\x9b" not in text and "\u202e" not in text
        assert ":smile:" in text


def test_a_foreign_record_cannot_act_on_the_terminal() -> None:
    hostile = strategy_result(
        HOSTILE,
        contender=HOSTILE,
        architecture=HOSTILE,
        speedup={HOSTILE: Speedup(1.0, (0.9, 1.1), "inconclusive")},
    )
    failed = baseline_result(HOSTILE, status="failed", reason=HOSTILE, gflops=None, seconds=None)
    text = printed(campaign_table([hostile, failed]), terminal=True)
    assert "\x1b]0;" not in text and "\x1b[31m " not in text and "\x9b" not in text
    assert "a[/b]" in text


def test_styles_stay() -> None:
    assert "\x1b[32mgood" in printed(plain("good", "green"), terminal=True)
