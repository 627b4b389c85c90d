"""Single-token edits of one line of a kernel's C text: what a slip of the code generator makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

Edit = tuple[str, str]  # the operator's name, the line as it makes it
Names = frozenset[str]  # identifiers of the function that the line is in

COEFFICIENT = re.compile(r"-?0x1\.[0-9a-f]+p[-+]\d+f")  # of a polynomial
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
FAMILIES = (
    *(
        r"w\d+",
        r"x\d+",
        r"[ey]\d+",
        r"in\d+",
        r"out\d*",
        r"a\d*(?:_\d+)*v\d+",
        r"l\d*(?:_\d+)*v\d+",
        r"[vs]\d+",
    ),
    *(r"[vs]p", r"at_\w+", r"[cp]\d+", r"r_\w+", r"i\d+|i_\w+|tile\d_\w+", r"t_\w+"),
    *(r"\w+_low|\w+_high", r"inside\d+"),
)
STATEMENT = re.compile(
    r"(?:if \(.*\) |for \(.*\) )?(?:[al]\w+|sum|most|least|t_\w+\[.*\]|to\[.*\]) [-+*/]?= .*;"
    r"|(?:STORE|STORE_PART|STREAM|tile\d+|pack_\w+|STEP|__builtin_\w+)\b.*;"
)
STARTED = re.compile(
    r"(vec [al]\w*|float (?:sum|most|least)|for \(long i = 0; .*\) t_\w+\[i\]) = (.*);"
)
FUSED = re.compile(r"\s*const vec (y\d+) = (.*);")
VECTOR = re.compile(r"(?<!\w)(?:held\[[^]]*\]|[al]\d*(?:_\d+)*v\d+|[ey]\d+)(?!\w)")
TWO_ARGUMENTS = ("vec_max", "vec_min", "vec_scale")
CALL = re.compile(r"((?:tile\d+|pack_\w+|STORE|STREAM)\()(.*)(\);)")


def edits(line: str, names: Names, lanes: int = 1) -> Iterator[Edit]:
    """Every edit of a line, with its operator; some do not compile.

    With several lanes a vector of a tensor may also be taken for its neighbour.
    """
    yield from _numbers(line, lanes)
    yield from _coefficients(line)
    yield from _exchanged_tokens(line, "comparison", rf" ({'|'.join(COMPARISONS)}) ", COMPARISONS)
    yield from _exchanged_tokens(line, "arithmetic", r" ([-+*/]) ", ARITHMETIC)
    yield from _exchanged_tokens(line, "arithmetic", r" (\+=) ", UPDATES)
    yield from _functions(line, names)
    yield from _operands(line, names)
    yield from _statements(line)
    yield from _fused(line)


def _numbers(line: str, lanes: int) -> Iterator[Edit]:
    """One more, one less, none, twice as much; a fraction's half; the vector before and after."""
    for found in NUMBER.finditer(line):
        value = float(found[1][:-1]) if found[1].endswith("f") else int(found[1])
        place = _place(line, found.start())
        others = {value + 1, value - 1, 0 * value, 2 * value} - {value}
        if isinstance(value, float):
            others |= {value / 2, value * 1.01} - {value}
        elif lanes > 1 and re.search(r"(?:LOAD|STORE)(?:_PART)?\(\w+ \+ $", line[: found.start()]):
            others |= {value + lanes, value - lanes}
        for other in sorted(others):
            text = f"{other!r}f" if isinstance(other, float) else str(other)
            yield place, line[: found.start()] + text + line[found.end() :]


def _coefficients(line: str) -> Iterator[Edit]:
    """One per cent more, the other sign."""
    for found in COEFFICIENT.finditer(line):
        value = float.fromhex(found[0][:-1])
        for other in (1.01 * value, -value):
            yield "coefficient", line[: found.start()] + f"{other.hex()}f" + line[found.end() :]


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


def _functions(line: str, names: Names) -> Iterator[Edit]:
    """A maximum for a minimum, one of the functions for another, `and` for `or`, and back."""
    for found in re.finditer(r"vec_\w+(?=\()", line):
        for other in sorted(name for name in names if name.startswith("vec_")):
            if other != found[0] and (other in TWO_ARGUMENTS) == (found[0] in TWO_ARGUMENTS):
                yield "function", line[: found.start()] + other + line[found.end() :]
    pairs = [pair for table in EXCHANGED for pair in table.items()]
    for old, new in (*pairs, *((b, a) for a, b in pairs)):
        for found in re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", line):
            yield "function", line[: found.start()] + new + line[found.end() :]
    if condition := re.search(r"if \((.*?)\) (?=\{|t_)", line):
        for other in (f"!({condition[1]})", "1", "0"):
            yield "condition", line.replace(condition[1], other, 1)
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
    if (place := line.find("held[i_")) >= 0:
        yield "operand", line[:place] + re.sub(r"i_\w+", "0", line[place:], count=1)
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


def _fused(line: str) -> Iterator[Edit]:
    """A statement on the register tile left out; a whole vector for a part, and back."""
    if (found := FUSED.fullmatch(line)) and (before := VECTOR.search(found[2])):
        yield "left out", line.replace(found[2], before[0], 1)
    if part := re.search(r"(LOAD|STORE)_PART\((.*), \d+\);", line):
        yield "part", line.replace(part[0], f"{part[1]}({part[2]});", 1)
    elif whole := re.search(r"(?<!\w)(LOAD|STORE)\((.*)\);", line):
        yield "part", line.replace(whole[0], f"{whole[1]}_PART({whole[2]}, 1);", 1)


def block_edits(lines: list[str]) -> Iterator[tuple[str, int, list[str], list[str]]]:
    """Edits of several lines of a function: operator, first line, the lines before and after."""
    yield from _swapped(lines)
    yield from _stored_first(lines)
    yield from _one_branch(lines)


def _swapped(lines: list[str]) -> Iterator[tuple[str, int, list[str], list[str]]]:
    """Of two statements on the register tile the second one first."""
    for number, (one, two) in enumerate(pairwise(lines)):
        first, second = FUSED.fullmatch(one), FUSED.fullmatch(two)
        if not first or not second or not (start := VECTOR.search(first[2])):
            continue
        if re.search(rf"\b{first[1]}\b", second[2]):
            early = re.sub(rf"\b{first[1]}\b", start[0], second[2])
            late = first[2].replace(start[0], first[1])
            changed = [one.replace(first[2], early, 1), two.replace(second[2], late, 1)]
            yield "swapped", number, [one, two], changed


def _stored_first(lines: list[str]) -> Iterator[tuple[str, int, list[str], list[str]]]:
    """What a store needs, the store, and only then what other statements read."""
    for end, line in enumerate(lines):
        if not re.match(r"\s*STORE(_PART)?\(", line):
            continue
        begin = end
        while re.match(r"\s*(const (vec|float) [ey]\d+ = |STORE)", lines[begin - 1]):
            begin -= 1
        block = lines[begin : end + 1]
        needed, early = set(VECTOR.findall(line)), [line]
        for earlier in reversed(block[:-1]):
            made = re.match(r"\s*const (?:vec|float) (\w+) = ", earlier)
            if made and made[1] in needed:
                needed |= set(VECTOR.findall(earlier))
                early.insert(0, earlier)
        changed = early + [one for one in block if one not in early]
        if changed != block:
            yield "stored first", begin, block, changed


def _one_branch(lines: list[str]) -> Iterator[tuple[str, int, list[str], list[str]]]:
    """Sums that wait for the next piece, or results, are not stored."""
    for number, line in enumerate(lines):
        if line.strip() != "} else {":
            continue
        end = next(i for i in range(number + 1, len(lines)) if lines[i].strip() == "}")
        yield "one branch", number, lines[number : end + 1], [lines[end]]
