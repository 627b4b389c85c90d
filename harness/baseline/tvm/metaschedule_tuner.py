"""MetaSchedule tunes a primitive: `python metaschedule_tuner.py FOLDER [build]`.

Run by the interpreter of the tool environment: it imports TVM, the standard library and
metaschedule_function.py beside it, nothing else of this project. FOLDER/request.json is what
metaschedule_request.py makes, and says how to tune. Written are `tried.jsonl`, TVM's own database,
and at the end `tuned.so` with `result.json`. With `build` it only builds the best schedule of the
database.
"""
# mypy: ignore-errors

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
import time
import types
from math import prod
from pathlib import Path

STARTED = time.monotonic()

import tvm  # noqa: E402  the clock runs before
from metaschedule_function import arguments_of, function_of, repeats  # noqa: E402
from tvm import s_tir, tirx  # noqa: E402
from tvm.ir.utils import derived_object  # noqa: E402
from tvm.s_tir import meta_schedule as ms  # noqa: E402
from tvm.support.popen_pool import PopenPoolExecutor  # noqa: E402
from tvm.support.tar import tar  # noqa: E402

TIMEOUT = 30.0  # seconds for building, and for running, one trial
OVER = "the budget was spent"
SAID = "Error message:"  # in the reports of TVM's schedules


class OutOfTime(Exception):
    """The budget is spent; what was found so far counts."""


def light_intrinsics():
    """Register this processor's tensor intrinsics alone: to parse those of GPUs takes a minute."""
    name = "tvm.s_tir.tensor_intrin"
    package = types.ModuleType(name)
    package.__path__ = [os.path.join(os.path.dirname(s_tir.__file__), "tensor_intrin")]
    sys.modules[name] = s_tir.tensor_intrin = package
    importlib.import_module(name + (".x86" if platform.machine() == "x86_64" else ".arm_cpu"))


def target_of(request):
    cpu = tvm.get_global_func("tvm.codegen.llvm.GetHostCPUName")()
    triple = tvm.get_global_func("tvm.codegen.llvm.GetDefaultTargetTriple")()
    parts = {"kind": "llvm", "mtriple": triple, "mcpu": cpu, "num-cores": request["threads"]}
    return tvm.target.Target(parts)


# ---- tuning


def built(mod, target):
    """Runs in a worker. As TVM's own builder, without its import of all GPUs' intrinsics."""
    path = os.path.join(tempfile.mkdtemp(), "trial.tar")
    mod = s_tir.transform.RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(mod)
    tvm.driver.build(mod, target=target).export_library(path, fcompile=tar)
    return path


class Clock:
    """Of one batch: when each trial was known, and what the batches before took to build."""

    def __init__(self, budget):
        self.budget = budget
        self.compile_seconds = 0.0
        self.known = []
        self.stopped = False

    @property
    def now(self):
        return time.monotonic() - STARTED

    @property
    def over(self):
        return self.now > self.budget


@derived_object
class Builder(ms.builder.PyBuilder):
    def __init__(self, clock, workers):
        super().__init__()
        self.clock, self.workers = clock, workers

    def build(self, build_inputs):
        start = self.clock.now
        pool = PopenPoolExecutor(max_workers=self.workers, timeout=TIMEOUT)
        results = []
        for first in range(0, len(build_inputs), self.workers):
            if self.clock.over:
                results += [ms.builder.BuilderResult(None, OVER)] * (len(build_inputs) - first)
                break
            batch = build_inputs[first : first + self.workers]
            futures = [self.started(pool, i) for i in batch]
            results += [self.result(future) for future in futures]
        pool.shutdown()
        self.clock.compile_seconds += self.clock.now - start
        return results

    def started(self, pool, candidate):
        """Building of it, or why it is not to be built."""
        repeated = repeats(candidate.mod)
        if repeated is not None:
            return f"wrong: {repeated} is added up more than once"
        return pool.submit(built, candidate.mod, candidate.target)

    def result(self, future):
        if isinstance(future, str):
            return ms.builder.BuilderResult(None, future)
        try:
            return ms.builder.BuilderResult(future.result(), None)
        except TimeoutError:
            return ms.builder.BuilderResult(None, f"not compiled in {TIMEOUT:.0f} s")
        except Exception as error:  # of any kind: it is data
            return ms.builder.BuilderResult(None, str(error))


@derived_object
class Runner(ms.runner.PyRunner):
    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.local = ms.runner.LocalRunner(timeout_sec=TIMEOUT)

    def run(self, runner_inputs):
        futures = []
        for one in runner_inputs:
            if self.clock.over:
                futures.append(ms.runner.local_runner.LocalRunnerFuture(error_message=OVER))
            else:
                futures += self.local.run([one])
            self.clock.known.append(self.clock.now)
        return futures


@derived_object
class Log(ms.measure_callback.PyMeasureCallback):
    def __init__(self, clock, path):
        super().__init__()
        self.clock, self.path = clock, path

    def apply(self, task_scheduler, task_id, measure_candidates, builder_results, runner_results):
        known = iter(self.clock.known)
        with open(self.path, "a") as file:
            for candidate, build, run in zip(
                measure_candidates, builder_results, runner_results, strict=True
            ):
                at = self.clock.now if build.error_msg else next(known)
                reason = build.error_msg or run.error_msg
                if reason == OVER:
                    continue
                seconds = None if reason else sum(map(float, run.run_secs)) / len(run.run_secs)
                row = {
                    "configuration": one_line(candidate.sch.trace),
                    "at": at,
                    "seconds": seconds,
                    "reason": " ".join(str(reason).split())[-200:] if reason else None,
                }
                file.write(json.dumps(row) + "\n")
        self.clock.known = []
        if self.clock.over:
            self.clock.stopped = True
            raise OutOfTime


def one_line(trace):
    """The decisions of a trace in its order, by what was decided: tile=8,1,8,4 choice=3."""
    short = {
        "SamplePerfectTile": "tile",
        "SampleCategorical": "choice",
        "SampleComputeLocation": "at",
    }
    words = []
    for instruction in trace.insts:
        kind = instruction.kind.name
        if kind.startswith("Sample"):
            decision = trace.decisions[instruction]
            numbers = decision if hasattr(decision, "__len__") else [decision]
            words.append(f"{short.get(kind, kind)}={','.join(str(int(n)) for n in numbers)}")
    return " ".join(words)


def tune(request, folder, clock):
    """Returns why it stopped."""
    cores = request["threads"]
    callbacks = [
        ms.measure_callback.AddToDatabase(),
        Log(clock, folder / "tried.jsonl"),
        ms.measure_callback.RemoveBuildArtifact(),
        ms.measure_callback.UpdateCostModel(),
    ]
    context = ms.TuneContext(
        mod=function_of(request),
        target=target_of(request),
        space_generator="post-order-apply",
        search_strategy="evolutionary",
        task_name="main",
        rand_state=request["seed"],
        num_threads=cores,
    )
    try:
        ms.tune.tune_tasks(
            tasks=[context.clone()],
            task_weights=[1.0],
            work_dir=str(folder),
            max_trials_global=request["trials"],
            num_trials_per_iter=request["plan_size"],
            builder=Builder(clock, cores),
            runner=Runner(clock),
            measure_callbacks=callbacks,
        )
    except Exception:  # OutOfTime comes back through TVM's own frames as another type
        if not clock.stopped:
            raise
        return f"budget of {clock.budget:g} s"
    return "all trials made"


# ---- the best schedule as a library


def build_best(request, folder):
    """tuned.so with `main`, and how its arguments lie in memory."""
    function, target = function_of(request), target_of(request)
    database = ms.database.JSONDatabase(work_dir=str(folder))
    schedule = ms.tir_integration.compile_tir(database, function, target)
    if schedule is None:
        raise SystemExit("no trial was built and run within the budget")
    packed = packings(schedule)
    mod = s_tir.transform.RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=False)(schedule.mod)
    tvm.driver.build(mod, target=target).export_library(str(folder / "tuned.so"))
    arguments = [{"name": name, "axes": packed.get(name)} for name in arguments_of(request)]
    return {
        "library": "tuned.so",
        "arguments": arguments,
        "configuration": one_line(schedule.trace),
        "target": f"{target.kind.name} -mcpu={target.attrs['mcpu']}",
        "tvm": tvm.__version__,
    }


def packings(schedule):
    """Of inputs that the tuner laid out anew, the axes in memory: each belongs to a dimension, as
    an index of which it counts by its step, and where that ends goes on in the dimension before.
    """
    found = {}
    for block in schedule.get_child_blocks(schedule.get_sblock("root")):
        node = schedule.get(block)
        if "meta_schedule.layout_rewrite_preproc" not in node.annotations:
            continue
        source, new = node.body.value.source, node.body.buffer
        extents, dims = [int(e) for e in source.shape], [int(e) for e in new.shape]
        if prod(dims) != prod(extents):
            raise SystemExit(f"the tuner padded {source.name}, which cannot be packed ahead")
        variables = [iteration.var for iteration in node.iter_vars]
        forward = tirx.IndexMap(variables, list(node.body.indices), None)
        inverse = forward.inverse([tvm.ir.Range(0, e) for e in extents])
        axes = []
        for axis, extent in enumerate(dims):
            unit = [int(d == axis and extent > 1) for d in range(len(dims))]
            moved = [(d, int(i)) for d, i in enumerate(inverse.map_indices(unit)) if int(i)]
            if len(moved) > 1:
                raise SystemExit(f"the tuner mixed dimensions of {source.name}")
            dimension, step = moved[0] if moved else (0, 0)
            axes.append({"extent": extent, "dimension": dimension, "step": step})
        found[source.name] = axes
    return found


def told(error):
    """What TVM says of an error, on one line: its reports are pages, with the program in them."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    said = next((line for line in lines if line.startswith(SAID)), lines[0])
    return f"{type(error).__name__}: {said.removeprefix(SAID).strip()}"


def main(folder, mode):
    request = json.loads((folder / "request.json").read_text())
    light_intrinsics()
    clock = Clock(request["budget_seconds"])
    try:
        stop = "stopped by others" if mode == "build" else tune(request, folder, clock)
        result = build_best(request, folder)
    except Exception as error:  # of any kind: it is the record's reason
        raise SystemExit(told(error)) from None
    result.update(stop=stop, compile_seconds=clock.compile_seconds)
    (folder / "result.partial").write_text(json.dumps(result, indent=1))
    os.replace(folder / "result.partial", folder / "result.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "tune")
