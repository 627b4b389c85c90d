"""What a claims file says: hosts, campaigns that are read, claims, tables of pages.

    hosts:
      zen5: {cpu: AMD EPYC, says: a two-core guest}
    campaigns:
      matmul:
        {records: 02_matmul/zen5, command: polydl run experiment=02_matmul, minutes: 12, host: zen5}
    claims:
      products_ahead:
        says: ten matrix products are 1.30 of oneDNN or more
        source: {file: experiments/02_matmul/README.md, text: 1.30 or more}
        campaign: matmul
        quantity: speedup
        of: {contender: top_k, baseline: onednn}
        expected: {at_least: 1.30}
        tolerance: {share: 0.02, because: what two quiet runs differ by}
    tables:
      matmul: {campaign: matmul, shows: problems}

docs/reference/claims.md describes every field. A mistake in the file is one line with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from compiler.errors import shown
from harness.bounds import one_of, positive, within
from harness.claims.quantities import QUANTITIES
from harness.claims.tables import TABLES
from harness.errors import SettingsError
from harness.nearest import listed
from harness.options import options_from
from harness.outside import read_text, yaml_of

MOST_MINUTES = 100_000.0
GROUPS = ("hosts", "campaigns", "claims", "tables")


@dataclass(frozen=True)
class Host:
    """A machine by a part of its processor's recorded name; `says` is what a reader is told."""

    cpu: str = ""
    says: str = ""


@dataclass(frozen=True)
class Campaign:
    """What claims are read from: `records` is a kept campaign's folder beside the claims file.

    `command` measures it again, in so many `minutes` on the `host` of record; `needs` are the
    baselines that have to be installed.
    """

    records: str = ""
    command: str = ""
    minutes: float = positive(1.0, MOST_MINUTES)
    host: str = ""
    threads: int = within(1, 1, 2**16)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where it is claimed: the `paper`'s figure, table or sentence, or a `text` in a `file`."""

    paper: str | None = None
    file: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if (self.paper is None) == (self.file is None) or (self.file is None) != (
            self.text is None
        ):
            raise SettingsError("name the paper's place as paper=..., or file=... and text=...")

    def __str__(self) -> str:
        return f"paper, {self.paper}" if self.paper is not None else f"{self.file}: {self.text}"


@dataclass(frozen=True)
class Expected:
    """A value, or a bound on one side or on both."""

    value: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        bounds = (self.at_least, self.at_most)
        if (self.value is None) == all(bound is None for bound in bounds):
            raise SettingsError("give either value, or at_least, at_most or both")


@dataclass(frozen=True)
class Tolerance:
    """A share of what is expected, on either side; `because` says why it is that wide."""

    share: float = within(0.0, 0, 1)
    because: str = ""

    def __post_init__(self) -> None:
        if not self.because:
            raise SettingsError("because is missing: say why it is that wide")


@dataclass(frozen=True)
class Claim:
    """One claim. `of` are the options of its quantity (harness/claims/quantities.py).

    `not_attempted` says why there are no records and will be none here; `explained` why a claim
    that deviates does, where that is known.
    """

    name: str
    says: str
    source: Source
    campaign: str | None = None
    quantity: str | None = None
    of: Any = None
    expected: Expected | None = None
    tolerance: Tolerance | None = None
    host: str | None = None
    not_attempted: str | None = None
    explained: str | None = None


@dataclass(frozen=True)
class TablePlan:
    """A generated table of a page: what it `shows` of a campaign, with that form's options."""

    campaign: str
    shows: str
    of: Any


@dataclass(frozen=True)
class Claims:
    folder: Path  # the claims file's
    hosts: Mapping[str, Host]
    campaigns: Mapping[str, Campaign]
    claims: Mapping[str, Claim]
    tables: Mapping[str, TablePlan]


@dataclass(frozen=True)
class _ClaimFields:
    """The texts of a claim; its mappings are read one by one."""

    says: str = ""
    campaign: str | None = None
    quantity: str | None = one_of(None, QUANTITIES)
    host: str | None = None
    not_attempted: str | None = None
    explained: str | None = None


@dataclass(frozen=True)
class _TableFields:
    campaign: str = ""
    shows: str = one_of("problems", TABLES)


def claims_in(file: Path) -> Claims:
    """The file's claims, checked. Raises SettingsError, one line that begins with the file."""
    try:
        text = read_text(file)
        held = yaml_of(text)
        _check_unique(yaml.compose(text, Loader=yaml.SafeLoader))
    except ValueError as fault:
        raise SettingsError(f"{file.name}: {fault}") from fault
    try:
        return _claims(file.parent, held)
    except SettingsError as fault:
        raise SettingsError(f"{file.name}: {fault}") from fault


def _check_unique(node: yaml.Node | None) -> None:
    """Refuse, by ValueError, a mapping with one key twice: YAML would take the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: '{shown(key.value)}' is twice")
            seen.add(key.value)
            _check_unique(value)
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            _check_unique(part)


def _claims(folder: Path, held: object) -> Claims:
    groups = _mapping(held, "the file")
    for name in groups:
        if name not in GROUPS:
            raise SettingsError(f"unknown key '{name}'; {listed(str(name), GROUPS)}")
    parts = {name: _mapping(groups.get(name) or {}, name) for name in GROUPS}
    hosts = {
        name: options_from(Host, _mapping(one, f"hosts.{name}"), f"hosts.{name}")
        for name, one in parts["hosts"].items()
    }
    campaigns = {name: _campaign(name, one, hosts) for name, one in parts["campaigns"].items()}
    return Claims(
        folder,
        hosts,
        campaigns,
        {name: _claim(name, one, campaigns, hosts) for name, one in parts["claims"].items()},
        {name: _table(name, one, campaigns) for name, one in parts["tables"].items()},
    )


def _campaign(name: str, held: object, hosts: Mapping[str, Host]) -> Campaign:
    where = f"campaigns.{name}"
    found = options_from(Campaign, _mapping(held, where), where)
    _check_known(found.host, hosts, f"{where}.host")
    if not found.records or not found.command:
        raise SettingsError(f"{where}: records and command are needed")
    return found


def _claim(
    name: str, held: object, campaigns: Mapping[str, Campaign], hosts: Mapping[str, Host]
) -> Claim:
    where = f"claims.{name}"
    given = dict(_mapping(held, where))
    parts = {key: given.pop(key, None) for key in ("source", "of", "expected", "tolerance")}
    texts = options_from(_ClaimFields, given, where)
    if not texts.says or parts["source"] is None:
        raise SettingsError(f"{where}: says and source are needed")
    source = options_from(Source, _mapping(parts["source"], f"{where}.source"), f"{where}.source")
    if texts.host is not None:
        _check_known(texts.host, hosts, f"{where}.host")
    base = Claim(name, texts.says, source, host=texts.host, not_attempted=texts.not_attempted)
    needed = {"campaign": texts.campaign, "quantity": texts.quantity}
    needed |= {key: parts[key] for key in ("expected", "tolerance")}
    if texts.not_attempted is not None:
        if measured := [key for key, value in needed.items() if value is not None]:
            raise SettingsError(f"{where}: is not attempted, so it takes no {measured[0]}")
        return base
    if missing := [key for key, value in needed.items() if value is None]:
        raise SettingsError(f"{where}: {missing[0]} is missing, or not_attempted with the reason")
    _check_known(str(texts.campaign), campaigns, f"{where}.campaign")

    def read(kind: type[Any], key: str) -> Any:
        return options_from(kind, _mapping(parts[key] or {}, f"{where}.{key}"), f"{where}.{key}")

    return replace(
        base,
        campaign=texts.campaign,
        quantity=texts.quantity,
        of=read(QUANTITIES[str(texts.quantity)].options, "of"),
        expected=read(Expected, "expected"),
        tolerance=read(Tolerance, "tolerance"),
        explained=texts.explained,
    )


def _table(name: str, held: object, campaigns: Mapping[str, Campaign]) -> TablePlan:
    where = f"tables.{name}"
    given = dict(_mapping(held, where))
    of = _mapping(given.pop("of", None) or {}, f"{where}.of")
    found = options_from(_TableFields, given, where)
    _check_known(found.campaign, campaigns, f"{where}.campaign")
    options = options_from(TABLES[found.shows].options, of, f"{where}.of")
    return TablePlan(found.campaign, found.shows, options)


def _mapping(held: object, where: str) -> Mapping[str, Any]:
    if not isinstance(held, Mapping):
        raise SettingsError(f"{where} must be a mapping, got {shown(held)}")
    return {str(key): value for key, value in held.items()}


def _check_known(name: str, known: Mapping[str, object], where: str) -> None:
    if name not in known:
        raise SettingsError(f"{where}: unknown '{name}'; {listed(name, known)}")
