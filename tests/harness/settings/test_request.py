from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SettingsError
from harness.settings.request import parsed, quoted, request_from


def test_options_and_overrides_in_any_order(tmp_path: Path) -> None:
    one = request_from(["threads=1", "-m", "--config-dir", str(tmp_path), "seed=2"])
    other = request_from([f"--config-dir={tmp_path}", "threads=1", "seed=2", "--multirun"])
    assert one == other
    assert one.overrides == ("threads=1", "seed=2")
    assert one.multirun and one.config_dir == tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--frobnicate"], "unknown option '--frobnicate'"),
        (["--config-dir"], "needs a folder"),
        (["--config-dir", "/nowhere/at/all"], "no folder at /nowhere/at/all"),
        (["threads"], "cannot read 'threads'"),
        (["strategy=[roofline"], "cannot read 'strategy=[roofline'"),
        (["threads=" + "9" * 5000], "a number of 5000 digits; 400 are allowed"),
        (["threads=" + "[" * 5000], "brackets are nested more than 50 deep"),
        (["primitive={" + "a:{" * 51 + "}" * 52], "brackets are nested more than 50 deep"),
        (["threads=" + "1," * 6000], "it has 12008 characters; 10000 are allowed"),
        (["threads=1234567"] * 2000, "more than 20000 characters; what is long can stand in a f"),
        (["=5"], "cannot read '=5': it names no key"),
        (["+@x=5"], "it names no key"),
        (["x" * 300 + "=1"], "its key has 300 characters; 250 are allowed"),
        (["threads=int(nan)"], "cannot read 'threads=int(nan)': ValueError"),
        (["threads=choice()"], "empty choice is not legal"),
        (["threads=\x1b"], "cannot read 'threads=\\x1b'"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(request_from(arguments).overrides)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_schedules_text_can_be_pasted() -> None:
    text = "broadcast/vector:oc.8/tile:ow.6+oc.2/order:n+oc@1+oh+ow+oc/layout:a.aBcd8b/unroll:4"
    (override,) = parsed([f"strategy.fixed.schedule={text}"])
    assert override.value() == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("20260101-120000-run", "20260101-120000-run"),
        ("/data/runs/a.b", "/data/runs/a.b"),
        *(("12", "'12'"), ("1e5", "'1e5'"), ("null", "'null'"), ("True", "'True'")),
        *(("a b", "'a b'"), ("a,b", "'a,b'"), ("it's", r"'it\'s'"), ("a\\", r"'a\\'")),
        *((r"a\'b", r"'a\\\'b'"), ("[x]", "'[x]'"), (" ", "' '")),
    ],
)
def test_a_text_is_read_back_as_it_was(text: str, written: str) -> None:
    assert quoted(text) == written
    (override,) = parsed([f"campaign.resume={written}"])
    assert override.value() == text
