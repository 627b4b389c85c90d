"""A group of nodes as a primitive's file: the one of conf/primitive/ with what follows in it.

    Conv, BatchNormalization, Relu      conv2d, and behind its statement
        out[n,oc,oh,ow] = max(out[n,oc,oh,ow] * scale[oc] + shift[oc], 0)

A value that is read once stands where it is read; one that is read more often is written, into the
output where nothing reads any more what stands there, else into a temporary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.onnx.expressions import (
    COMMUTATIVE,
    ELEMENTWISE,
    PRODUCT,
    SUM,
    TWICE,
    Term,
    clipped,
    number,
)
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.grouping import Group
from harness.onnx.operands import PASSED_ON, Operand, Read, loops_of, reads_of, turned_loops
from harness.onnx.start import Addend, Start

LONGEST = 400  # of an expression, until it is written
LONGEST_NAME = 60
_WORDS = {"BatchNormalization": "bn", "Sum": "add"}

Spec = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """A primitive's file, and the sizes of this problem. `own` where it is no file of conf/."""

    name: str
    spec: Spec
    sizes: Mapping[str, int]
    own: bool


def written(group: Group, graph: Graph, files: Mapping[str, Any]) -> Written:
    """The primitive of a group; `files` are those of conf/primitive/ by name."""
    if group.start is None:
        names = [loop for loops, _ in group.axes for loop in loops]
        sizes = dict(zip(names, group.shape, strict=True))
        base: Spec = {"sizes": sizes, "tensors": {"y": names}, "statements": []}
        draft = _Draft(group, graph, base, "y", names)
        draft.follow()
        return draft.finished(f"of_{len(names)}d", sizes)
    start = group.start
    base = _changed(dict(files[start.primitive] if start.spec is None else start.spec), start)
    target = [str(loop) for loop in base["tensors"][start.output]]
    draft = _Draft(group, graph, base, start.output, target)
    draft.words += start.words
    draft.follow()
    return draft.finished(start.primitive, start.sizes)


def _changed(spec: Spec, start: Start) -> Spec:
    """With what the start's node has that the primitive's file has otherwise."""
    tensors = {**spec["tensors"], **start.changes.get("tensors", {})}
    spec |= start.changes
    spec["tensors"] = {name: dims for name, dims in tensors.items() if dims is not None}
    for old, new in start.rewritten.items():
        spec["statements"] = [line.replace(old, new) for line in spec["statements"]]
    return spec


@dataclass
class _Draft:
    """A primitive's file in the making; `target` are the loops of its output."""

    group: Group
    graph: Graph
    spec: Spec
    output: str
    target: list[str]
    words: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)  # operands by their tensor in the network
    terms: dict[str, Term] = field(default_factory=dict)  # values of the group

    def __post_init__(self) -> None:
        for key, kind in (
            ("tensors", dict),
            ("constant", list),
            ("temporary", list),
            ("statements", list),
        ):
            self.spec[key] = kind(self.spec.get(key) or ())
        self.result = Term(f"{self.output}[{','.join(self.target)}]")

    def follow(self) -> None:
        """The element-wise nodes, on what the start leaves."""
        nodes, last = self.group.followers, self.group.result
        uses = Counter(name for node in nodes for name in node.inputs)
        if self.group.start is not None:
            first = self.group.nodes[self.group.begun - 1].outputs[0]
            self.terms[first] = self._begun(self.group.start)
            if first != last and self._is_reread(first, uses, nodes):
                self._write(first, uses)
        for place, node in enumerate(nodes):
            uses.subtract(node.inputs)
            name = node.outputs[0]
            if node.op == "Transpose":  # how an operand lies in memory
                continue
            self.terms[name] = self._value(node)
            later = nodes[place + 1 :]
            if name != last and node.op not in PASSED_ON and self._is_reread(name, uses, later):
                self._write(name, uses)
        if self.terms[last] != self.result:
            self.spec["statements"].append(f"{self.result.text} = {self.terms[last].text}")
        self._turn(self.group.order or ())

    def _turn(self, order: Sequence[str]) -> None:
        """Store the output with its loops in this order, those of length 1 outside."""
        places = [self.target.index(loop) for loop in order]
        if places != sorted(places):
            stored = [axis for axis in range(len(self.target)) if axis not in places] + places
            self.spec["stored"] = {**(self.spec.get("stored") or {}), self.output: stored}
            self.words.append(f"{self.output}_{''.join(map(str, stored))}")

    def _begun(self, start: Start) -> Term:
        """The start's result, with what its node itself makes of it."""
        value = self.result
        if start.factor != 1:
            value = Term(f"{number(start.factor).text} * {value.text}", PRODUCT)
            self.words.append("scaled")
        return value if start.addend is None else self._added(value, start.addend)

    def _added(self, value: Term, addend: Addend) -> Term:
        constant = addend.name in self.graph.constants
        word = "bias" if constant else "residual"
        self.words.append(word)
        known = self.graph.number(addend.name)
        if known is not None:
            read = number(known * addend.factor)
        else:
            read = self._read(Operand(addend.name, addend.shape, constant, word))
        if addend.factor != 1 and not constant:  # constants are multiplied ahead of time
            read = Term(f"{number(addend.factor).text} * {read.text}", PRODUCT)
        return Term(f"{value.at(SUM)} + {read.at(PRODUCT)}", SUM)

    def _value(self, node: GraphNode) -> Term:
        if node.op in PASSED_ON:
            return self.terms[node.inputs[0]]
        operands = list(reads_of(node, self.graph))
        if node.op in COMMUTATIVE:  # what the group computes stands first
            operands.sort(key=lambda read: not self._is_inner(read))
        reads = [
            self._read(operand) if isinstance(operand, Operand) else operand for operand in operands
        ]
        self.words.append(self._word(node))
        if node.op == "Clip":
            x, low, high = reads
            assert x is not None
            return clipped(x, low, high)
        return ELEMENTWISE[node.op]([read for read in reads if read is not None], node.attributes)

    def _word(self, node: GraphNode) -> str:
        """What the node is called in the primitive's name: bias and residual by what is added."""
        read = [r for r in reads_of(node, self.graph) if isinstance(r, Operand)]
        outer = [r.word for r in read if r.name not in self.terms]
        if node.op in ("Add", "Sum") and len(outer) == 1 and self.group.start is not None:
            return outer[0]
        return _WORDS.get(node.op, node.op.lower())

    def _is_inner(self, read: Read) -> bool:
        return isinstance(read, Operand) and read.name in self.terms

    def _read(self, operand: Operand) -> Term:
        """A value of the group, or a tensor of its own in the loops that it has."""
        if operand.name in self.terms:
            return self.terms[operand.name]
        loops: tuple[str, ...] | None
        loops, through = turned_loops(operand, self.graph, self.group.shape, self.group.axes)
        if not through or any(self.graph.nodes[one] not in self.group.nodes for one in through):
            loops = loops_of(operand.shape, self.group.shape, self.group.axes)
        assert loops is not None, "grouping looked at it"
        if operand.name not in self.named:
            first = self.group.start is None and not operand.constant
            word = "x" if first and not self.named else operand.word
            self.named[operand.name] = self._free(word)
            self.spec["tensors"][self.named[operand.name]] = list(loops) or ["1"]
            if operand.constant:
                self.spec["constant"].append(self.named[operand.name])
        return Term(f"{self.named[operand.name]}[{','.join(loops) or '0'}]")

    def _free(self, word: str) -> str:
        taken = {*self.spec["tensors"], *self.spec["sizes"], *(self.spec.get("extents") or ())}
        name, number = word, 2
        while name in taken:
            name, number = f"{word}_{number}", number + 1
        return name

    def _is_reread(self, name: str, uses: Counter[str], later: tuple[GraphNode, ...]) -> bool:
        """Whether the value's text would stand more than once, or too long a text once."""
        term = self.terms[name]
        if term.text.replace("[", "").replace("]", "").replace(",", "").isidentifier():
            return False
        readers = [node for node in later if name in node.inputs]
        return (
            uses[name] > 1
            or len(term.text) > LONGEST
            or any(node.op in (*TWICE, *PASSED_ON) for node in readers)
        )

    def _write(self, name: str, uses: Counter[str]) -> None:
        waiting = [
            other
            for other, term in self.terms.items()
            if other != name and uses[other] > 0 and self.result.text in term.text
        ]
        written = self.result
        if waiting:
            temporary = self._free("t")
            written = Term(f"{temporary}[{','.join(self.target)}]")
            self.spec["tensors"][temporary] = list(self.target)
            self.spec["temporary"].append(temporary)
        self.spec["statements"].append(f"{written.text} = {self.terms[name].text}")
        self.terms[name] = written

    def finished(self, stem: str, sizes: Mapping[str, int]) -> Written:
        start = self.group.start
        own = bool(self.words) or (start is not None and start.spec is not None)
        words = [*self.words, stem] if start is None else [stem, *self.words]
        name = "_".join(words)
        name = name[:LONGEST_NAME].rstrip("_")
        for key in ("constant", "temporary"):
            if not self.spec[key]:
                del self.spec[key]
        return Written(name, {**self.spec, "name": name}, dict(sizes), own)
