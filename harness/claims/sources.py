"""Where claims are made: texts of pages that have to stand there, word for word."""

from __future__ import annotations

from harness.claims.claim import Claims
from harness.errors import SettingsError
from harness.outside import read_text


def check_sources(claims: Claims) -> None:
    """Refuse, by SettingsError, a claim whose text its file does not have.

    Lines may be broken elsewhere. Files are named from the folder above the claims file's.
    """
    root = claims.folder.resolve().parent
    known: dict[str, str] = {}
    for claim in claims.claims.values():
        file, text = claim.source.file, claim.source.text
        if file is None or text is None:
            continue
        if file not in known:
            known[file] = _flat(read_text(root / file))
        if _flat(text) not in known[file]:
            raise SettingsError(f"claims.{claim.name}.source: {file} does not say '{text}'")


def _flat(text: str) -> str:
    return " ".join(text.split())
