"""A primitive as a function that MetaSchedule tunes: its statements as tensor expressions.

Imported by metaschedule_tuner.py in the tool environment: it imports TVM and nothing of this
project. A request is what metaschedule_request.py makes.
"""
# mypy: ignore-errors

from __future__ import annotations

import json
from itertools import takewhile

import tvm_ffi
from tvm import s_tir, te, tirx, topi
from tvm.s_tir import meta_schedule as ms

CALLS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "max": tirx.Max,
    "min": tirx.Min,
    "exp": te.exp,
    "sqrt": te.sqrt,
    "tanh": te.tanh,
    "erf": te.erf,
    "abs": te.abs,
}
REDUCERS = {"add": te.sum, "max": te.max, "min": te.min}
COMBINERS = {"add": lambda a, b: a + b, "max": tirx.Max, "min": tirx.Min}


class Translation:
    """Statement by statement; a tensor that is written again is a new stage."""

    def __init__(self, tensors):
        self.outside = {t["name"]: t["outside"] for t in tensors}
        self.shapes = {t["name"]: tuple(t["shape"]) for t in tensors}
        self.stages = {t["name"]: given(t) for t in tensors if t["role"] == "input"}
        self.padded = {}
        self.summed = {}  # of each tensor, for every read whether a sum reads it, inside of it
        self.made = 0

    def add(self, statement):
        target, reduction = statement["target"], statement["reduction"]
        axes = statement["axes"]
        extents = {**dict(axes), **dict(statement["over"])}
        sources = {}
        for tensor, indices in reads(statement["value"]):
            source = self.source(tensor, indices, extents)
            sources[json.dumps([tensor, indices])] = source
            inside = source[0].same_as(self.stages[tensor])
            self.summed.setdefault(tensor, []).append(bool(statement["over"]) and inside)
        over = {loop: te.reduce_axis((0, extent), name=loop) for loop, extent in statement["over"]}
        before = self.stages.get(target) if reduction else None

        def stage(value):
            return te.compute(self.shapes[target], value, name=self.name(target))

        def value(*spatial):
            loops = {**{loop: v for (loop, _), v in zip(axes, spatial, strict=True)}, **over}
            return evaluated(statement["value"], loops, sources)

        def reduced(*spatial):
            return REDUCERS[reduction](value(*spatial), axis=list(over.values()))

        def continued(*spatial):
            return COMBINERS[reduction](before[spatial], one(*spatial))

        one = stage(reduced) if over else value
        self.stages[target] = (
            stage(continued) if before is not None else one if over else stage(one)
        )

    def source(self, tensor, indices, extents):
        """The stage to read and how much its indices are moved: padded where reads go outside."""
        stage, shape = self.stages[tensor], self.shapes[tensor]
        before, after = [], []
        for (terms, constant), size in zip(indices, shape, strict=True):
            ends = [c * (extents[loop] - 1) for loop, c in terms]
            low = constant + sum(e for e in ends if e < 0)
            high = constant + sum(e for e in ends if e > 0)
            before.append(max(0, -low))
            after.append(max(0, high - size + 1))
        if not any(before) and not any(after):
            return stage, before
        key = (stage.name, *before, *after)
        if key not in self.padded:
            value = tirx.const(self.outside[tensor], "float32")
            self.padded[key] = topi.nn.pad(stage, before, after, value, name=f"{stage.name}_padded")
        return self.padded[key], before

    def name(self, target):
        self.made += 1
        return f"{target}_{self.made}"


def reads(value):
    if isinstance(value, list):
        if value[0] == "read":
            yield value[1], value[2]
        else:
            for argument in value[1:]:
                yield from reads(argument)


def evaluated(value, loops, sources):
    if not isinstance(value, list):
        return tirx.const(value, "float32")
    if value[0] == "read":
        stage, moved = sources[json.dumps(value[1:])]
        indices = (
            sum((loops[loop] * c for loop, c in terms), tirx.const(constant + m, "int32"))
            for (terms, constant), m in zip(value[2], moved, strict=True)
        )
        return stage[tuple(indices)]
    return CALLS[value[0]](*(evaluated(argument, loops, sources) for argument in value[1:]))


def given(tensor):
    """An argument, or the number that stands for all elements of a tensor."""
    shape, name = tuple(tensor["shape"]), tensor["name"]
    if tensor["value"] is None:
        return te.placeholder(shape, name=name)
    number = tirx.const(tensor["value"], "float32")
    return te.compute(shape, lambda *_: number, name=name)


def arguments_of(request):
    """Names of the function's arguments: inputs, then outputs."""
    tensors = [t for t in request["tensors"] if t["value"] is None]
    return [t["name"] for role in ("input", "output") for t in tensors if t["role"] == role]


def function_of(request):
    """One PrimFunc. Constants that one sum alone reads, once, may be laid out anew by the tuner.

    So TVM itself marks the weights of its operators. Its rewriting (rewrite_layout.cc) looks at one
    read, and takes whatever else reads a constant alone, padding too, for a copy of it.
    """
    made = Translation(request["tensors"])
    for statement in request["statements"]:
        made.add(statement)
    names = arguments_of(request)
    function = te.create_prim_func([made.stages[name] for name in names])
    function = with_copies(function.with_attr("global_symbol", "main"))
    constant = {t["name"] for t in request["tensors"] if t["constant"]}
    summed = {name for name, where in made.summed.items() if where == [True]}
    free = [place for place, name in enumerate(names) if name in constant & summed]
    return function.with_attr("layout_free_buffers", free) if free else function


# ---- what MetaSchedule's tiling takes for an epilogue


def with_copies(function):
    """The function with a copy behind each product whose reader must stay out of its tiles.

    MultiLevelTiling moves a product's only reader into the product's tiles wherever it goes through
    its operands in order (IsWriteCache). A reader that pads then never writes its border, which is
    in no tile: wrong values. One that reads another stage's result as well cannot be moved: the
    tuner ends with a ScheduleError. The copy, which is not inlined, is moved instead.
    """
    schedule = s_tir.Schedule(function)
    inlined = as_inlined(schedule.copy())
    for product in inlined.get_child_blocks(inlined.get_sblock("root")):
        block, readers = inlined.get(product), inlined.get_consumers(product)
        if len(readers) != 1 or not has_reuse(block):
            continue
        reader = inlined.get(readers[0])
        if reductions(reader):
            continue
        pads = extents(reader.writes[0]) != extents(block.writes[0])
        if pads or len(inlined.get_producers(readers[0])) > 1:
            copy = schedule.cache_write(schedule.get_sblock(block.name_hint), 0, "global")
            schedule.annotate(copy, "meta_schedule.inline_rule", "disable")
    return schedule.mod["main"]


def as_inlined(schedule):
    """After the rule that comes before tiling, as the tuner applies it: from the last block."""
    rules = ms.ScheduleRule.create("llvm")
    (inline,) = (rule for rule in rules if isinstance(rule, ms.schedule_rule.AutoInline))
    for block in reversed(schedule.get_child_blocks(schedule.get_sblock("root"))):
        (schedule,) = inline.apply(schedule, block)
    return schedule


def has_reuse(block):
    """Whether it is tiled (NeedsMultiLevelTiling): a reduction with an operand lacking an axis."""
    spatial = [i for i in block.iter_vars if i.iter_type == tirx.IterVar.DataPar]
    axes = [i.var for i in spatial if int(i.dom.extent) > 1]
    operands = [r for r in block.reads if not r.source.same_as(block.writes[0].source)]
    used = [[v for e in r.region for v in tirx.analysis.undefined_vars(e.min)] for r in operands]
    lacking = any(not any(axis.same_as(v) for v in found) for found in used for axis in axes)
    return bool(reductions(block)) and lacking


def reductions(block):
    return [i for i in block.iter_vars if i.iter_type == tirx.IterVar.CommReduce]


def extents(region):
    """Of the whole tensor of which this is a region."""
    return [int(extent) for extent in region.source.shape]


# ---- what its rewriting of reductions repeats


def repeats(module):
    """A sum of a finished candidate that would be added up more than once, or None.

    What a reduction reads may be computed within its loops, once more in each round. Where that is
    a sum too, RewriteReductionBlock takes its zero out of those loops but leaves its additions.
    """
    schedule = s_tir.Schedule(module)
    realized = {}

    def visit(node):
        realized[node.block.name_hint] = node

    tvm_ffi.structural_walk(module["main"].body, (s_tir.SBlockRealize, visit), order="post")
    for name, realize in realized.items():
        zero = name.removesuffix("_update") + "_init"
        if not name.endswith("_update") or zero not in realized:
            continue
        loops, around = (
            [schedule.get(loop) for loop in schedule.get_loops(schedule.get_sblock(block))]
            for block in (name, zero)
        )
        shared = takewhile(lambda pair: pair[0].same_as(pair[1]), zip(loops, around, strict=False))
        inside = loops[len(list(shared)) :]
        used = [v for value in realize.iter_values for v in tirx.analysis.undefined_vars(value)]
        for loop in inside:
            if int(loop.extent) > 1 and not any(loop.loop_var.same_as(v) for v in used):
                return name.removesuffix("_update")
    return None
