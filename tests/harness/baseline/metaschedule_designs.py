"""All designs of MetaSchedule for a request: `python metaschedule_designs.py FOLDER CODE [plain]`.

Run by the tool environment's interpreter. FOLDER holds request.json and an array for each tensor,
NAME.npy, in the request's order of dimensions; CODE is the folder of metaschedule_function.py.
Printed is a JSON list: for each design whether its outputs are those arrays, or how TVM ended.
With `plain` no copies are put behind products: that is TVM's own behaviour. With `within` the first
product of two is computed in the innermost loop of the second, whose reduction is the outermost:
printed is which sum repeats then, and whether the outputs are right.
"""
# mypy: ignore-errors

import json
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])

import metaschedule_function  # noqa: E402  the path comes before
import metaschedule_tuner  # noqa: E402
import tvm  # noqa: E402
from tvm import s_tir  # noqa: E402
from tvm.s_tir import meta_schedule as ms  # noqa: E402


def right(module, request, target):
    names = metaschedule_function.arguments_of(request)
    outputs = [t["name"] for t in request["tensors"] if t["role"] == "output"]
    wanted = {name: np.load(folder / f"{name}.npy") for name in names}
    given = {n: np.full_like(a, np.nan) if n in outputs else a for n, a in wanted.items()}
    arguments = {name: tvm.runtime.tensor(values) for name, values in given.items()}
    tvm.driver.build(module, target=target)["main"](*arguments.values())
    return all(np.array_equal(arguments[name].numpy(), wanted[name]) for name in outputs)


def one_within_the_other(function):
    schedule = s_tir.Schedule(function)
    first, second = schedule.get_child_blocks(schedule.get_sblock("root"))
    row, column, reduction = schedule.get_loops(second)
    schedule.reorder(reduction, row, column)
    schedule.compute_at(first, column)
    ms.postproc.RewriteReductionBlock().apply(schedule)
    return schedule.mod


def main():
    request = json.loads((folder / "request.json").read_text())
    metaschedule_tuner.light_intrinsics()
    if "plain" in sys.argv:
        metaschedule_function.with_copies = lambda function: function
    function = metaschedule_function.function_of(request)
    target = metaschedule_tuner.target_of(request)
    if "within" in sys.argv:
        module = one_within_the_other(function)
        print(json.dumps([metaschedule_function.repeats(module), right(module, request, target)]))
        return
    context = ms.TuneContext(
        mod=function,
        target=target,
        space_generator="post-order-apply",
        search_strategy="evolutionary",
        task_name="main",
        rand_state=1,
        num_threads=1,
    )
    try:
        designs = context.generate_design_space()
    except Exception as error:
        print(json.dumps(metaschedule_tuner.told(error)))
    else:
        print(json.dumps([right(design.mod, request, target) for design in designs]))


main()
