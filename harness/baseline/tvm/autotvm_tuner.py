"""AutoTVM tunes one operator: `python autotvm_tuner.py FOLDER [build]`, run by its environment.

It imports TVM and nothing of this project. FOLDER/request.json holds

    operator  conv2d, depthwise_conv2d or dense; `shapes` of its two inputs; strides, padding
              (top, left, bottom, right) and dilation of a convolution
    target    TVM's target as text; threads
    tuner     xgb, random, grid or genetic; trials, plan_size, budget_seconds, seed

Written are `tried.jsonl`, a line for each trial as soon as it is known (configuration, at, seconds,
reason), AutoTVM's own `tuning.log`, and at the end `tuned.so` and `result.json`. With `build` it
builds the best of the log that is there. A C++ compiler links the library.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

import numpy
import psutil
import tvm
from tvm import autotvm

STARTED = psutil.Process().create_time()  # imports are part of what tuning costs
NUMBER, REPEAT, MIN_REPEAT_MS = 4, 3, 20  # calls of a repeat, at least so many; repeats
LIBRARY = "tuned.so"
TIMEOUT = 10  # seconds for building, and for running, one trial; TVM's default
TEMPLATES = {
    "conv2d": "conv2d_NCHWc.x86",
    "depthwise_conv2d": "depthwise_conv2d_NCHWc.x86",
    "dense": "dense_pack.x86",
}


Request = dict[str, Any]


class OutOfTime(Exception):
    """The budget is spent; what was found so far counts."""


def main(folder: str, request: Request, building: bool) -> None:
    target = tvm.target.Target(request["target"])
    task = autotvm.task.create(
        TEMPLATES[request["operator"]], args=arguments(request), target=target
    )
    log = os.path.join(folder, "tuning.log")
    stop = "all trials made"
    if building:
        stop = "ended from outside"
    else:
        try:
            tune(task, min(request["trials"], len(task.config_space)), folder, request)
        except OutOfTime:
            stop = f"budget of {request['budget_seconds']:g} s"
    made = list(autotvm.record.load_from_file(log))
    good = [pair for pair in made if pair[1].error_no == 0]
    if not good:
        raise SystemExit(f"none of {len(made)} trials ran")
    config = min(good, key=lambda pair: cost(pair[1]))[0].config
    autotvm.GLOBAL_SCOPE.in_tuning = True  # the inputs are packed, as they were when it was tuned
    with target:
        schedule, tensors = task.instantiate(config)
        library = tvm.build(schedule, tensors, target, name="polydl_tuned")
    library.export_library(os.path.join(folder, LIBRARY))
    result = {
        "library": LIBRARY,
        "arguments": [
            [role(tensor, place), [int(extent) for extent in tensor.shape]]
            for place, tensor in enumerate(tensors)
        ],
        "configuration": one_line(config),
        "trials": len(made),
        "space": len(task.config_space),
        "stop": stop,
        "tvm": tvm.__version__,
        "llvm": tvm.support.libinfo().get("LLVM_VERSION", "unknown"),
    }
    write(os.path.join(folder, "result.json"), result)


def role(tensor: Any, place: int) -> str:
    """The result comes first, the inputs in the order in which the schedule meets them."""
    if place == 0:
        return "out"
    return "weight" if tensor.op.name in ("kernel", "packed_weight") else "data"


def arguments(request: Request) -> tuple[Any, ...]:
    one, other = (("TENSOR", tuple(shape), "float32") for shape in request["shapes"])
    if request["operator"] == "dense":
        return one, other, None, "float32"
    geometry = (tuple(request[name]) for name in ("strides", "padding", "dilation"))
    return one, other, *geometry, "NCHW", "NCHW", "float32"


def tune(task: Any, trials: int, folder: str, request: Request) -> None:
    kind, plan = request["tuner"], request["plan_size"]
    if kind == "xgb":
        threads = request["threads"]
        tuner = autotvm.tuner.XGBTuner(task, plan_size=plan, num_threads=threads)
    elif kind == "genetic":
        tuner = autotvm.tuner.GATuner(task, pop_size=min(plan, trials))
    elif kind == "grid":
        tuner = autotvm.tuner.GridSearchTuner(task)
    else:
        tuner = autotvm.tuner.RandomTuner(task)
    measure = autotvm.measure_option(
        builder=autotvm.LocalBuilder(timeout=TIMEOUT, n_parallel=request["threads"]),
        runner=autotvm.LocalRunner(
            number=NUMBER, repeat=REPEAT, min_repeat_ms=MIN_REPEAT_MS, timeout=TIMEOUT
        ),
    )
    with open(os.path.join(folder, "tried.jsonl"), "a") as tried:

        def noted(tuner: Any, inputs: list[Any], results: list[Any]) -> None:
            for one, found in zip(inputs, results, strict=True):
                tried.write(json.dumps(row(one, found)) + "\n")
            tried.flush()
            if time.time() - STARTED > request["budget_seconds"]:
                raise OutOfTime

        log = os.path.join(folder, "tuning.log")
        callbacks = [autotvm.callback.log_to_file(log), noted]
        tuner.tune(trials, measure_option=measure, callbacks=callbacks)


def row(one: Any, found: Any) -> Request:
    failed = found.error_no != 0
    return {
        "configuration": one_line(one.config),
        "at": time.time() - STARTED,
        "seconds": None if failed else cost(found),
        "reason": reason(found) if failed else None,
    }


def reason(found: Any) -> str:
    said = " ".join(str(found.costs[-1]).split())[-200:]
    return f"{autotvm.MeasureErrorNo(found.error_no).name.lower()}: {said}"


def cost(found: Any) -> float:
    return float(sum(found.costs) / len(found.costs))


def one_line(config: Any) -> str:
    """The knobs of a configuration: tile_ic=[-1,16] unroll_kw=1."""
    knobs = config.to_json_dict()["entity"]
    return " ".join(f"{name}={json.dumps(v, separators=(',', ':'))}" for name, _, v in knobs)


def write(path: str, value: object) -> None:
    """By rename: whoever finds it finds it whole."""
    with open(path + ".partial", "w") as file:
        json.dump(value, file)
    os.replace(path + ".partial", path)


if __name__ == "__main__":
    with open(os.path.join(sys.argv[1], "request.json")) as file:
        asked = json.load(file)
    random.seed(asked["seed"])
    numpy.random.seed(asked["seed"])
    main(sys.argv[1], asked, building=sys.argv[2:] == ["build"])
