"""One problem descriptor to a value, by the rules of benchdnn's own parser.

    gXmbX_icXidXihXiwX_ocXodXohXowX_kdXkhXkwX_sdXshXswX_pdXphXpwX_ddXdhXdwX_nS     a convolution
    [BATCHx]MxK:[BATCHx]KxN[:[BATCHx]MxN][_]nS                                     a matrix product

`_` is ignored, the last of several values for one field counts, and a field that is 0 is one that
is not given. Where the output is missing it follows from the padding (0 where that is missing too);
where the padding is missing it is half of what the output asks for. Dimensions that are not given
are those of the first letter given (ih alone is a square), or do not exist (iw alone is a line).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from compiler.errors import shown
from harness.benchdnn.problem import LETTERS, Convolution, Product, Window
from harness.benchdnn.whole import whole
from harness.errors import SettingsError

DEFAULT_MB = 2
_LETTERED = [kind + letter for kind in "iokspd" for letter in LETTERS]
FIELDS = ("g", "mb", "ic", "oc", *_LETTERED)
_FIELD = re.compile(f"({'|'.join(FIELDS)})([0-9]+)")
_PRODUCT = re.compile(r"[0-9]+x")
_DIMS = re.compile(r"[0-9]+(x[0-9]+)+\Z")


def problem_of(text: str, mb: int = 0) -> Convolution | Product:
    """The problem of a descriptor; `mb` replaces a convolution's own where it is not 0.

    Raises SettingsError that says what cannot be read or expressed.
    """
    return _product(text) if _PRODUCT.match(text) else _convolution(text, mb)


def _convolution(text: str, mb: int) -> Convolution:
    given, name = _fields(text)
    for field in ("g", "mb", "ic", "oc", "sd", "sh", "sw"):
        if given.get(field, 1) < 1:
            raise SettingsError(f"{field} must be >= 1, got {given[field]}")
    for field in ("ic", "oc"):
        if field not in given:
            raise SettingsError(f"{field} is not given")
    windows = _filled({letter: _window(letter, given) for letter in LETTERS})
    groups = given.get("g", 1)
    for field in ("ic", "oc"):
        if given[field] % groups:
            raise SettingsError(
                f"{field}={given[field]} is no multiple of g={groups}; ic and oc count all groups"
            )
    mb = mb or given.get("mb", DEFAULT_MB)
    return Convolution(name, groups, mb, given["ic"], given["oc"], windows)


def _fields(text: str) -> tuple[dict[str, int], str]:
    """Values by field, and the name."""
    given: dict[str, int] = {}
    at = 0
    while at < len(text):
        if text[at] == "n":
            return given, _unquoted(text[at + 1 :])
        if text[at] == "_":
            at += 1
            continue
        found = _FIELD.match(text, at)
        if found is None:
            known = ", ".join(FIELDS)
            what = shown(text[at:], 40)
            raise SettingsError(
                f"'{what}' is no field with a number; known: {known}, and n for the name"
            )
        given[found[1]] = whole(found[2])
        at = found.end()
    return given, ""


def _window(letter: str, given: Mapping[str, int]) -> Window | None:
    """The spatial dimension of this letter; None where nothing is said of it."""
    size, output, kernel, dilation = (given.get(kind + letter, 0) for kind in "iokd")
    stride, before = given.get(f"s{letter}", 1), given.get(f"p{letter}", -1)
    if not (size or output or kernel or dilation) and stride == 1 and before < 1:
        return None
    for kind, value in (("i", size), ("k", kernel)):
        if value == 0:
            raise SettingsError(f"{kind}{letter} is not given")
    reach = (kernel - 1) * (dilation + 1) + 1
    if not output:
        before = max(before, 0)
        output = _quotient(size - reach + 2 * before, stride) + 1
        if output < 1:
            raise SettingsError(
                f"o{letter} = (i{letter} - {reach} + 2*p{letter})/s{letter} + 1 = {output} with "
                f"i{letter}={size}, p{letter}={before}, s{letter}={stride}; it must be >= 1"
            )
    elif before < 0:
        before = _quotient((output - 1) * stride - size + reach, 2)
    window = Window(size, output, kernel, stride, before, dilation)
    if before < 0 or window.after + stride <= 0:
        where = f"p{letter}={before}" if before < 0 else f"{-window.after} rows that nothing reads"
        raise SettingsError(
            f"o{letter}={output} leaves out part of i{letter}={size}: it gives {where}, and oneDNN "
            f"takes padding >= 0 and fewer such rows than s{letter}={stride}"
        )
    return window


def _quotient(dividend: int, divisor: int) -> int:
    """Division as in C, towards zero."""
    return -(-dividend // divisor) if dividend < 0 else dividend // divisor


def _filled(windows: Mapping[str, Window | None]) -> tuple[Window, ...]:
    """The problem's spatial dimensions, those that follow the first one filled in."""
    depth, height, width = (windows[letter] for letter in LETTERS)
    if depth is not None:
        if height is None and width is None:
            return (depth, depth, depth)
        if height is None or width is None:
            raise SettingsError("beside the depth give both height and width, or neither")
        return (depth, height, width)
    if height is not None:
        return (height, width or height)
    if width is not None:
        return (width,)
    raise SettingsError("no input shape and kernel are given (id ih iw, kd kh kw)")


def _product(text: str) -> Product:
    dims, _, name = text.partition("n")
    parts = dims.removesuffix("_").split(":")
    if not 2 <= len(parts) <= 3 or not all(_DIMS.match(part) for part in parts):
        raise SettingsError(
            "a matrix product is MxK:KxN or BxMxK:BxKxN, with its result or without"
        )
    tensors = [tuple(map(whole, part.split("x"))) for part in parts]
    a, b = tensors[:2]
    if len({len(tensor) for tensor in tensors}) > 1:
        raise SettingsError("all tensors of a matrix product need as many dimensions")
    if min(map(min, tensors)) < 1:
        raise SettingsError("dimensions must be >= 1")
    if a[-1] != b[-2]:
        raise SettingsError(f"K is {a[-1]} in the first and {b[-2]} in the second tensor")
    for one, other in zip(a[:-2], b[:-2], strict=True):
        if one != other and 1 not in (one, other):
            raise SettingsError(f"batches {one} and {other} differ; they must be equal or 1")
    weights = "any" if prod(b[:-2]) == 1 else "abx"  # what differs along a batch is no weight
    product = Product(_unquoted(name), a, b, ("abx", weights, "abx"))
    if len(tensors) == 3 and tensors[2] != product.c:
        wanted = "x".join(map(str, product.c))
        raise SettingsError(f"the result of {':'.join(parts[:2])} is {wanted}, not {parts[2]}")
    return product


def _unquoted(name: str) -> str:
    return name.replace('"', "").replace("'", "")
