"""A primitive from the plain dict of a `conf/primitive/*.yaml`; every mistake is one clear line.

Keys: name, sizes, extents, tensors, stored, constant, outside, values, temporary, accumulate,
plain, statements, dtype. A size is a number, or a formula in sizes before it that a number given
instead replaces. `compiler.problem.loops` says which names are loops. A tensor that a statement
writes is an output (a temporary when listed so), any other an input. The first statement that
writes a tensor decides what it starts from (`Primitive.start_of`); `accumulate: [c]` makes it start
from the caller's values of c instead. `plain: [a]` fixes a's layout to row-major as stored, where a
schedule could else choose it; a constant tensor may be packed ahead of time all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from compiler.errors import ProblemError, shown
from compiler.problem.dtypes import DTYPES, F32, DType
from compiler.problem.expression import (
    LONGEST,
    RawStatement,
    affine,
    expression,
    integer,
    names_in,
    parse_statement,
)
from compiler.problem.loops import coefficients, divisors, loops_of, used_loops
from compiler.problem.names import PLACES, checked_name
from compiler.problem.primitive import Access, Primitive, Role, Statement, Tensor
from compiler.problem.scalars import flat_values, scalar

KEYS = (
    "name",
    "sizes",
    "extents",
    "tensors",
    "stored",
    "constant",
    "outside",
    "values",
    "temporary",
    "accumulate",
    "plain",
    "statements",
    "dtype",
)
MOST_ELEMENTS = 2**40
MOST_STATEMENTS = 40  # dependences are asked of every pair
MOST_MEMBERS = 200  # sizes, extents, tensors, or dimensions of one
LARGEST_SIZE = 2**31 - 1


def primitive_from(spec: Mapping[str, object]) -> Primitive:
    """The primitive that `spec` describes; raises ProblemError with one line otherwise."""
    name = checked_name(spec.get("name"), "primitive name")
    unknown = [str(key) for key in spec if key not in KEYS]
    if unknown:
        raise ProblemError(f"{name}: unknown key '{unknown[0]}' (known: {', '.join(KEYS)})")
    draft = _Draft(name, spec, _dtype(name, spec.get("dtype", F32.name)))
    extents = tuple((loop, draft.numbers[loop]) for loop in draft.order)
    sizes = tuple(draft.sizes.items())
    primitive = Primitive(name, sizes, extents, draft.tensors, draft.statements)
    _check_bounds(primitive)
    _check_order(primitive)
    return primitive


def _dtype(name: str, given: object) -> DType:
    if isinstance(given, str) and given in DTYPES:
        return DTYPES[given]
    raise ProblemError(f"{name}: dtype must be one of {', '.join(DTYPES)}, got {shown(given)}")


@dataclass
class _Draft:
    """The steps from dict to values, in the order in which mistakes are reported."""

    name: str
    spec: Mapping[str, object]
    dtype: DType  # of all tensors

    def __post_init__(self) -> None:
        self.sizes = self._read_sizes()
        self.formulas = self._read_extents()
        self.dimensions = self._read_dimensions()
        self._check_names_differ()
        self.raw = self._read_statements()
        self.loops = loops_of(self.raw, self.sizes, self.formulas)
        self._check_loop_names()
        self._check_known_tensors()
        self._check_sizes()
        self.numbers = self._evaluated_extents()
        self.statements = tuple(self._statement(raw) for raw in self.raw)
        self.order = tuple(dict.fromkeys(loop for s in self.statements for loop in s.loops))
        self.tensors = tuple(self._tensor(tensor) for tensor in self.dimensions)
        self._check_ranks()

    def _map(self, key: str) -> dict[str, object]:
        found = self.spec.get(key)
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise ProblemError(f"{self.name}: {key} must be a map, got {shown(found)}")
        self._check_count(key, len(found), MOST_MEMBERS)
        return {checked_name(k, f"{self.name}: {key}"): v for k, v in found.items()}

    def _list(self, key: str, found: object) -> list[object]:
        if found is None:
            return []
        if isinstance(found, str) or not isinstance(found, Sequence):
            raise ProblemError(f"{self.name}: {key} must be a list, got {shown(found)}")
        return list(found)

    def _check_count(self, key: str, count: int, most: int) -> None:
        if count > most:
            raise ProblemError(f"{self.name}: {key} has {count} members, {most} are allowed")

    def _read_sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for size, given in self._map("sizes").items():
            value = given
            if isinstance(given, str) and names_in(given):
                value = integer(given, sizes, f"{self.name}: sizes.{size}")
            if type(value) is not int:
                raise ProblemError(f"{self.name}: {size} must be an integer, got {shown(value)}")
            if not 0 <= value <= LARGEST_SIZE:
                allowed = ">= 0" if value < 0 else f"<= {LARGEST_SIZE}"
                told = size if value is given else f"{size} = {given}"
                raise ProblemError(f"{self.name}: {told} must be {allowed}, got {shown(value)}")
            sizes[size] = value
        return sizes

    def _read_extents(self) -> dict[str, str]:
        return {k: self._formula(v, f"extents.{k}") for k, v in self._map("extents").items()}

    def _formula(self, value: object, where: str) -> str:
        if type(value) is int and abs(value) <= MOST_ELEMENTS:
            return str(value)
        if isinstance(value, str) and len(value) <= LONGEST:
            return value
        raise ProblemError(
            f"{self.name}: {where} must be an integer or a formula, got {shown(value)}"
        )

    def _read_dimensions(self) -> dict[str, tuple[str, ...]]:
        tensors: dict[str, tuple[str, ...]] = {}
        for tensor, dimensions in self._map("tensors").items():
            listed = self._list(f"tensors.{tensor}", dimensions)
            if not listed:
                raise ProblemError(f"{self.name}: tensors.{tensor} needs at least one dimension")
            self._check_count(f"tensors.{tensor}", len(listed), MOST_MEMBERS)
            tensors[tensor] = tuple(self._formula(d, f"tensors.{tensor}") for d in listed)
        return tensors

    def _read_statements(self) -> tuple[RawStatement, ...]:
        lines = self._list("statements", self.spec.get("statements"))
        if not lines:
            raise ProblemError(f"{self.name}: statements must list at least one statement")
        self._check_count("statements", len(lines), MOST_STATEMENTS)
        parsed = []
        for number, line in enumerate(lines, 1):
            where = f"{self.name}: statement {number}"
            if not isinstance(line, str):
                raise ProblemError(f"{where}: must be a text, got {shown(line)}")
            parsed.append(parse_statement(line, where))
        return tuple(parsed)

    def _check_names_differ(self) -> None:
        for one, other in (("sizes", "extents"), ("sizes", "tensors"), ("extents", "tensors")):
            twice = self._map(one).keys() & self._map(other).keys()
            if twice:
                raise ProblemError(f"{self.name}: '{min(twice)}' is in both {one} and {other}")

    def _check_known_tensors(self) -> None:
        used = set()
        for raw in self.raw:
            for access in raw.accesses:
                if access.tensor not in self.dimensions:
                    known = ", ".join(self.dimensions) or "none"
                    what = f"missing tensor '{access.tensor}' (known: {known})"
                    raise raw.line.error(access.node, what)
                used.add(access.tensor)
        for tensor in self.dimensions:
            if tensor not in used:
                raise ProblemError(f"{self.name}: tensor '{tensor}' is used by no statement")
        for key in ("stored", "outside", "values"):
            self._check_members(key, self._map(key))
        for key in ("constant", "temporary", "accumulate", "plain"):
            self._check_members(key, self._list(key, self.spec.get(key)))

    def _check_members(self, key: str, members: Collection[object]) -> None:
        for member in members:
            if not isinstance(member, str) or member not in self.dimensions:
                known = ", ".join(self.dimensions)
                raise ProblemError(
                    f"{self.name}: {key}: no tensor {shown(member)} (known: {known})"
                )

    def _check_loop_names(self) -> None:
        for loop in sorted(self.loops.intersection(PLACES)):
            raise ProblemError(
                f"{self.name}: '{loop}' may not be the name of a loop, in schedules it is a place"
            )

    def _check_sizes(self) -> None:
        """Sizes that must be 1 or more, and sizes that nothing uses."""
        formulas = [*self.formulas.values(), *(d for ds in self.dimensions.values() for d in ds)]
        positive = set(self.loops) | coefficients(self.raw, self.loops)
        positive |= {name for formula in formulas for name in divisors(formula)}
        positive |= {f for f in formulas if f in self.sizes}
        follows = {k: v for k, v in self._map("sizes").items() if isinstance(v, str)}
        for size, of in reversed(follows.items()):  # what stride_h follows must be >= 1 as well
            positive |= {of} & self.sizes.keys() if size in positive else set()
        used = {name for formula in (*formulas, *follows.values()) for name in names_in(formula)}
        used |= {name for raw in self.raw for name in names_in(raw.line.text)}
        for size, value in self.sizes.items():
            if size in positive and value < 1:
                raise ProblemError(f"{self.name}: {size} must be >= 1, got {value}")
            # No use has `stride` where stride_h and stride_w are given, nor what follows of itself.
            named_after = any(name.startswith(f"{size}_") for name in used)
            if size not in used and size not in follows and not named_after:
                raise ProblemError(f"{self.name}: size '{size}' is used nowhere")

    def _evaluated_extents(self) -> dict[str, int]:
        """Sizes and extents by name; an extent may use others, in any order."""
        numbers = dict(self.sizes)
        pending: list[str] = []

        def evaluate(extent: str) -> None:
            if extent in numbers:
                return
            where = f"{self.name}: extents.{extent}"
            if extent in pending:
                raise ProblemError(f"{where}: refers to itself")
            pending.append(extent)
            formula = self.formulas[extent]
            for name in names_in(formula):
                if name in self.formulas:
                    evaluate(name)
            value = integer(formula, numbers, where)
            if value < 1:
                names = [n for n in dict.fromkeys(names_in(formula)) if n in numbers]  # not max
                used = ", ".join(f"{n}={numbers[n]}" for n in names) or "numbers alone"
                raise ProblemError(
                    f"{self.name}: empty output: {extent} = {formula} = {value} with {used}; "
                    "it must be >= 1"
                )
            if value > LARGEST_SIZE:
                raise ProblemError(f"{where}: must be <= {LARGEST_SIZE}, got {value}")
            numbers[extent] = value

        for extent in self.formulas:
            evaluate(extent)
        return numbers

    def _statement(self, raw: RawStatement) -> Statement:
        used = used_loops(raw, self.loops)
        indices = tuple(affine(i, used, self.numbers, raw.line) for i in raw.target.indices)
        target = Access(raw.target.tensor, indices)
        value = expression(raw.value, used, self.numbers, raw.line)
        statement = Statement(target, raw.reduction, value, used, raw.line.text)
        kept = {loop for index in indices for loop in index.loops}
        lost = [loop for loop in used if loop not in kept]
        if raw.reduction is None and lost:
            what = f"loop '{lost[0]}' is not in the target; a reduction is += or max(target, ...)"
            raise raw.line.error(raw.target.node, what)
        return statement

    def _check_ranks(self) -> None:
        for raw in self.raw:
            for access in raw.accesses:
                rank = len(self.dimensions[access.tensor])
                if len(access.indices) != rank:
                    what = f"{access.tensor} has {rank} dimensions, got {len(access.indices)}"
                    raise raw.line.error(access.node, f"{what} indices")

    def _tensor(self, tensor: str) -> Tensor:
        where = f"{self.name}: tensors.{tensor}"
        shape = tuple(integer(d, self.numbers, where) for d in self.dimensions[tensor])
        for formula, extent in zip(self.dimensions[tensor], shape, strict=True):
            if extent < 1:
                raise ProblemError(f"{where}: dimension {formula} must be >= 1, got {extent}")
        stored = tuple(self._list(f"stored.{tensor}", self._map("stored").get(tensor)))
        stored = stored or tuple(range(len(shape)))
        numbers = tuple(d for d in stored if type(d) is int)
        if sorted(numbers) != list(range(len(shape))) or len(stored) != len(shape):
            raise ProblemError(
                f"{self.name}: stored.{tensor} must order the dimensions 0 to {len(shape) - 1}, "
                f"got {list(stored)}"
            )
        outside = self._map("outside")
        values = self._map("values").get(tensor)
        result = Tensor(
            tensor,
            shape,
            self._role(tensor),
            numbers,
            self.dtype,
            constant=values is not None or self._listed("constant", tensor),
            outside=scalar(outside[tensor], f"{self.name}: outside.{tensor}")
            if tensor in outside
            else None,
            values=None
            if values is None
            else flat_values(values, shape, f"{self.name}: values.{tensor}"),
            accumulate=self._listed("accumulate", tensor),
            plain=self._listed("plain", tensor),
        )
        if result.elements > MOST_ELEMENTS:
            raise ProblemError(
                f"{where}: {result.elements} elements are more than 2**40 = {MOST_ELEMENTS}"
            )
        return result

    def _listed(self, key: str, tensor: str) -> bool:
        return tensor in self._list(key, self.spec.get(key))

    def _role(self, tensor: str) -> Role:
        written = any(raw.target.tensor == tensor for raw in self.raw)
        temporary = self._listed("temporary", tensor)
        accumulate = self._listed("accumulate", tensor)
        fixed = self._listed("constant", tensor) or tensor in self._map("values")
        if written and fixed:
            raise ProblemError(f"{self.name}: the constant '{tensor}' is written by a statement")
        for key, wanted in (("temporary", temporary), ("accumulate", accumulate)):
            if wanted and not written:
                raise ProblemError(f"{self.name}: {key}: '{tensor}' is written by no statement")
        if temporary and accumulate:
            raise ProblemError(f"{self.name}: '{tensor}' is both temporary and accumulate")
        if temporary:
            return "temporary"
        return "output" if written else "input"


def _check_bounds(primitive: Primitive) -> None:
    """Reads that leave a tensor need a value there; writes outside are dropped."""
    extents = dict(primitive.extents)
    for number, statement in enumerate(primitive.statements, 1):
        for access in statement.reads:
            tensor = primitive.tensor(access.tensor)
            for d, (index, size) in enumerate(zip(access.indices, tensor.shape, strict=True)):
                low, high = index.bounds(extents)
                if (low < 0 or high >= size) and tensor.outside is None:
                    raise ProblemError(
                        f"{primitive.name}: statement {number}: {access} reads {max(-low, 0)} "
                        f"before and {max(high - size + 1, 0)} after dimension {d} of "
                        f"{tensor.name} (0 to {size - 1}) and outside.{tensor.name} is not given"
                    )


def _check_order(primitive: Primitive) -> None:
    """Outputs and temporaries are written before, or where, they are read."""
    written = {t.name for t in primitive.tensors if t.role == "input" or t.accumulate}
    read: set[str] = set()
    for number, statement in enumerate(primitive.statements, 1):
        written.add(statement.target.tensor)
        for access in statement.reads:
            read.add(access.tensor)
            if access.tensor not in written:
                raise ProblemError(
                    f"{primitive.name}: statement {number}: {access} is read before any "
                    f"statement writes {access.tensor}"
                )
    for tensor in primitive.tensors:
        if tensor.role == "temporary" and tensor.name not in read:
            raise ProblemError(f"{primitive.name}: temporary '{tensor.name}' is never read")
