"""A schedule read back from its line: `parse_schedule(str(s)) == s`.

    broadcast/vector:oc.16/tile:oc.2+ow.7/order:oc+oh+ow+ic+kh+kw/scalar/of:S1/order:oc+oh+ow

A part without a colon opens a band, the fields after it are the band's. Layouts and packed copies
stand in the last band and hold for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from compiler.errors import ScheduleError
from compiler.schedule.schedule import SCHEMES, Attached, Band, Schedule, Sizes, Tags

FIELDS = (
    "of",
    "vector",
    "tile",
    "order",
    "block",
    "parallel",
    "private",
    "fusion",
    "keep",
    "layout",
    "pack",
)
TUNING_FIELDS = ("unroll", "prefetch", "ahead", "nontemporal", "microkernel", "numerics")
OF_ALL = ("layout", "pack", "numerics")
LONGEST = 12  # digits


def parse_schedule(text: str) -> Schedule:
    """The schedule whose text form this is; ScheduleError says what is wrong in one line."""
    text = text.strip()
    if re.search(r"\s", text):
        _refuse(f"{text!r} holds blanks")
    first, *parts = text.split("/")
    bands: list[tuple[str, list[str]]] = [(first, [])]
    for part in parts:
        if part in SCHEMES:
            bands.append((part, []))
        else:
            bands[-1][1].append(part)
    fields = [_fields(parts) for _, parts in bands]
    for earlier in fields[:-1]:
        if early := [name for name in OF_ALL if name in earlier]:
            _refuse(f"{early[0]} holds for all bands, it stands in the last one")
    return Schedule(
        tuple(_band(text, scheme, own) for (scheme, _), own in zip(bands, fields, strict=True)),
        _pairs(fields[-1], "layout"),
        _pairs(fields[-1], "pack"),
        _names(fields[-1], "numerics"),
    )


def _fields(parts: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in parts:
        name, colon, value = part.partition(":")
        if not colon or not value or name not in FIELDS + TUNING_FIELDS:
            _refuse(
                f"'{part}' is no field; expected NAME:VALUE, "
                f"NAME one of {', '.join(FIELDS + TUNING_FIELDS)}"
            )
        if name in fields:
            _refuse(f"field '{name}' is given twice")
        fields[name] = value
    return fields


def _band(text: str, scheme: str, fields: Mapping[str, str]) -> Band:
    if "order" not in fields and scheme != "scalar":  # a statement without loops has none
        _refuse(f"'{text}' names no order")
    vectors = _sizes(fields, "vector")
    if len(vectors) > 1:
        _refuse(f"vector: expected one LOOP.LANES, got '{fields['vector']}'")
    return Band(
        scheme=scheme,
        order=_names(fields, "order"),
        vector=vectors[0] if vectors else ("", 1),
        tile=_sizes(fields, "tile"),
        block=_sizes(fields, "block"),
        parallel=_names(fields, "parallel"),
        private=_pairs(fields, "private"),
        unroll=_number("unroll", fields.get("unroll", "1")),
        prefetch=_number("prefetch", fields.get("prefetch", "0")),
        ahead=_pairs(fields, "ahead"),
        nontemporal=_is_set(fields, "nontemporal"),
        microkernel=fields.get("microkernel", "generated"),
        of=_statement("of", fields["of"]) if "of" in fields else None,
        fusion=_attached(fields, "fusion"),
        keep=_attached(fields, "keep"),
    )


def _attached(fields: Mapping[str, str], field: str) -> tuple[Attached, ...]:
    return tuple(Attached(_statement(field, name), at) for name, at in _pairs(fields, field))


def _statement(field: str, name: str) -> int:
    if not re.fullmatch(r"S[0-9]{1,4}", name):
        _refuse(f"{field}: '{name}' is no statement; expected S0, S1, ...")
    return int(name[1:])


def _names(fields: Mapping[str, str], field: str) -> tuple[str, ...]:
    return tuple(fields[field].split("+")) if field in fields else ()


def _pairs(fields: Mapping[str, str], field: str) -> Tags:
    split = [item.partition(".") for item in _names(fields, field)]
    if bad := ["".join(s) for s in split if not s[0] or not s[2]]:
        _refuse(f"{field}: '{bad[0]}' is not of the form NAME.VALUE")
    return tuple((name, value) for name, _, value in split)


def _sizes(fields: Mapping[str, str], field: str) -> Sizes:
    return tuple((name, _number(field, value)) for name, value in _pairs(fields, field))


def _is_set(fields: Mapping[str, str], field: str) -> bool:
    if (value := fields.get(field, "0")) not in ("0", "1"):
        _refuse(f"{field}: must be 0 or 1, got '{value}'")
    return value == "1"


def _number(field: str, value: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{LONGEST}}}", value):
        _refuse(f"{field}: '{value}' is no whole number")
    return int(value)


def _refuse(message: str) -> NoReturn:
    raise ScheduleError(f"schedule: {message}")
