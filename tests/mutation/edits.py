"""Single-token edits of one line of a kernel's C text: what a slip of the code generator makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

Edit = tuple[str, str]  # the operator's name, the line as it makes it
Names = frozenset[str]  # identifiers of the function that the line is in

NUMBER = re.compile(r"(?<![\w.])(\d+\.\d+(?:e[+-]?\d+)?f|\d+)(?![\w.])")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
ARITHMETIC = ("+", "-", "*", "/")
UPDATES = ("+=", "-=", "=")
EXCHANGED = (
    {"max": "min", "floord": "ceild", "maximum": "minimum"},
    {"__builtin_fmaxf": "__builtin_fminf"},
    {"__builtin_expf": "__builtin_tanhf", "__builtin_erff": "__builtin_tanhf"},
    {"__builtin_sqrtf": "__builtin_fabsf", "&&": "||"},
)
# Names that stand for each other without a complaint of the compiler.
FAMILIES = (r"w\d+", r"x\d+", r"a\d*(?:_\d+)*v\d+", r"[vs]\d+", r"[vs]p", r"at_\w+", r"[cp]\d+",
            r"r_\w+", r"i\d+|i_\w+|tile\d_\w+", r"t_\w+", r"\w+_low|\w+_high",
            r"inside\d+")  # fmt: skip
STATEMENT = re.compile(
    r"(?:if \(.*\) |for \(.*\) )?(?:a\w+|sum|most|least|t_\w+\[.*\]|to\[.*\]) [-+*/]?= .*;"
    r"|(?:STORE|STORE_PART|STREAM|tile\d+|pack_\w+|STEP|__builtin_\w+)\b.*;"
)
STARTED = re.compile(
    r"(vec a\w*|float (?:sum|most|least)|for \(long i = 0; .*\) t_\w+\[i\]) = (.*);"
)
CALL = re.compile(r"((?:tile\d+|pack_\w+|STORE|STREAM)\()(.*)(\);)")


def edits(line: str, names: Names) -> Iterator[Edit]:
    """Every edit of a line, with its operator; some do not compile."""
    yield from _numbers(line)
    yield from _exchanged_tokens(line, "comparison", rf" ({'|'.join(COMPARISONS)}) ", COMPARISONS)
    yield from _exchanged_tokens(line, "arithmetic", r" ([-+*/]) ", ARITHMETIC)
    yield from _exchanged_tokens(line, "arithmetic", r" (\+=) ", UPDATES)
    yield from _functions(line)
    yield from _operands(line, names)
    yield from _statements(line)


def _numbers(line: str) -> Iterator[Edit]:
    """One more, one less, none, twice as much."""
    for found in NUMBER.finditer(line):
        value = float(found[1][:-1]) if found[1].endswith("f") else int(found[1])
        for other in sorted({value + 1, value - 1, 0 * value, 2 * value} - {value}):
            text = f"{other!r}f" if isinstance(other, float) else str(other)
            yield _place(line, found.start()), line[: found.start()] + text + line[found.end() :]


def _place(line: str, at: int) -> str:
    """What a number is: a loop's bound, a stride, an offset or another constant."""
    before = line[:at]
    if re.match(r"\s*for \(", line) and at < line.index(")"):
        return "loop bound"
    if before.endswith("* "):
        return "stride"
    if re.search(r"(?:\[|[-+] |, )$", before):
        return "offset"
    return "constant"


def _exchanged_tokens(
    line: str, operator: str, pattern: str, tokens: tuple[str, ...]
) -> Iterator[Edit]:
    for found in re.finditer(pattern, line):
        for token in tokens:
            if token != found[1]:
                yield operator, line[: found.start(1)] + token + line[found.end(1) :]


def _functions(line: str) -> Iterator[Edit]:
    """A maximum for a minimum, one of the functions for another, `and` for `or`, and back."""
    pairs = [pair for table in EXCHANGED for pair in table.items()]
    for old, new in (*pairs, *((b, a) for a, b in pairs)):
        for found in re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", line):
            yield "function", line[: found.start()] + new + line[found.end() :]
    if condition := re.search(r"if \((.*?)\) (?=\{|t_)", line):
        yield "condition", line.replace(condition[1], f"!({condition[1]})", 1)
    choice = re.search(r"\? (\S+) : (\S+?)(?=[;)])", line)
    if choice and choice[2].count("(") == choice[2].count(")"):
        yield "condition", line.replace(choice[0], f"? {choice[2]} : {choice[1]}", 1)


def _operands(line: str, names: Names) -> Iterator[Edit]:
    """A name for another of its family; the sides of a difference; neighbouring arguments."""
    for found in re.finditer(r"(?<![\w.])[a-z]\w*", line):
        family = next((f for f in FAMILIES if re.fullmatch(f, found[0])), None)
        for other in sorted(names) if family else ():
            if other != found[0] and re.fullmatch(family or "", other):
                yield "operand", line[: found.start()] + other + line[found.end() :]
    for found in re.finditer(r"([\w.]+) ([-/]) ([\w.]+)", line):
        swapped = f"{found[3]} {found[2]} {found[1]}"
        yield "exchanged", line[: found.start()] + swapped + line[found.end() :]
    if call := CALL.search(line):
        arguments = call[2].split(", ")
        for i in range(len(arguments) - 1):
            moved = [*arguments[:i], arguments[i + 1], arguments[i], *arguments[i + 2 :]]
            if moved != arguments:
                yield "exchanged", line.replace(call[2], ", ".join(moved), 1)


def _statements(line: str) -> Iterator[Edit]:
    """Dropped; an accumulator without its value, or with another one."""
    indent = line[: len(line) - len(line.lstrip())]
    if started := STARTED.fullmatch(line.strip()):
        place, value = started[1], started[2]
        yield (
            "uninitialised",
            f"{indent}{place};" if place.startswith(("vec", "float")) else f"{indent};",
        )
        yield "start", f"{indent}{place} = (vec){{1}};"
        yield "start", f"{indent}{place} = {value} + 1.0f;"
    elif STATEMENT.fullmatch(line.strip()):
        yield "dropped", f"{indent};"
