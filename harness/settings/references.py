"""References between values of the configuration (${primitive.sizes.n}), before they are resolved.

OmegaConf resolves a reference anew wherever it stands, so values that refer to each other twice
double with every step: what would come of it is counted first, as YAML's aliases are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.errors import shown
from harness.errors import SettingsError

MARK = "${"  # of a reference
MOST = 1_000_000  # characters that come of all references; one that is resolved counts a hundred
DEEPEST = 30  # references to what refers in turn
MOST_COMPUTED = 16  # such as ${oc.env:HOME} or ${.size}, whose value is not looked up here
_PLAIN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_EACH = 100


def check_references(plain: Mapping[str, Any]) -> None:
    """Refuse, by SettingsError, references that explode; `plain` is not resolved."""
    known: dict[str, tuple[int, int]] = {}
    texts = [text for text in _texts(plain) if MARK in text]
    computed = sum(text.count(MARK) - len(_PLAIN.findall(text)) for text in texts)
    if computed > MOST_COMPUTED:
        raise SettingsError(
            f"configuration: {computed} references are computed; {MOST_COMPUTED} are allowed"
        )

    def size(value: Any, within: int) -> tuple[int, int]:
        """Characters of the value with all that it refers to, and how deep that goes."""
        total, deepest = 0, 0
        for text in _texts(value):
            total += len(text)
            for key in _PLAIN.findall(text):
                if key not in known and within < DEEPEST:
                    known[key] = size(_at(plain, key), within + 1)
                more, depth = known.get(key, (0, DEEPEST))
                total, deepest = total + _EACH + more, max(deepest, depth + 1)
                if deepest > DEEPEST:
                    raise SettingsError(
                        f"configuration: values refer to each other over {DEEPEST} deep"
                    )
                if total > MOST:
                    raise SettingsError(
                        f"configuration: '{shown(text)}' stands for more than {MOST} characters"
                    )
        return total, deepest

    if sum(size(text, 0)[0] for text in texts) > MOST:
        raise SettingsError(f"configuration: references stand for more than {MOST} characters")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _at(plain: Any, key: str) -> Any:
    for part in key.split("."):
        plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain
