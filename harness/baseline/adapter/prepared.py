"""What preparing a baseline comes to whose work is compiling its adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from compiler.problem.primitive import Primitive
from harness.baseline.adapter.build import AdapterBuildError, BuiltAdapter
from harness.baseline.baseline import Prepared, Unprepared
from harness.baseline.recognition.products import Convolution, MatrixProduct, recognise
from harness.baseline.recognition.views import Unrecognised
from harness.record.result import TuningSeconds

Operator = Convolution | MatrixProduct


def refusal(primitive: Primitive, check: Callable[[Operator], object]) -> str | None:
    """Why a primitive is not taken, by name; `check` raises Unrecognised where it is not."""
    try:
        check(recognise(primitive))
    except Unrecognised as reason:
        return f"unsupported: {primitive.name}: {reason}"
    return None


def prepared_adapter(
    primitive: Primitive,
    configured: Callable[[Operator], Mapping[str, object]],
    build: Callable[[], BuiltAdapter],
    facts: Mapping[str, str],
) -> Prepared | Unprepared:
    """An executable of kind adapter. `configured` may raise Unrecognised, `build` its own error."""
    started = time.monotonic()
    try:
        configuration = configured(recognise(primitive))
        adapter = build()
    except Unrecognised as reason:
        return Unprepared("plan", f"unsupported: {primitive.name}: {reason}", status="unsupported")
    except AdapterBuildError as failure:
        return Unprepared("compile", str(failure), TuningSeconds(compile=_since(started)))
    executable = {
        "kind": "adapter",
        "library": str(adapter.path),
        "configuration": dict(configuration),
    }
    return Prepared(executable, TuningSeconds(compile=_since(started)), adapter.cached, facts)


def _since(started: float) -> float:
    return time.monotonic() - started
