"""What a problem's outputs must be, computed in float64 from its own statements."""

from __future__ import annotations

import numpy as np

from compiler.problem.primitive import Primitive
from compiler.problem.reference import (
    border_points,
    magnitude,
    random_inputs,
    reduction_length,
    reference,
    sampled,
)
from harness.kernel.problem_data import Points, ProblemData

FULL_FLOPS = 2_000_000_000  # numpy computes 1 to 12 GFLOP/s in float64


def computed(primitive: Primitive, seed: int, full_flops: int = FULL_FLOPS) -> ProblemData:
    """Random inputs and what the primitive's own statements make of them in float64."""
    inputs = random_inputs(primitive, seed)
    shapes = {t.name: t.shape for t in primitive.tensors if t.role == "output"}
    points: dict[str, Points] = {}
    if primitive.flops <= full_flops:
        expected, bound = reference(primitive, inputs), magnitude(primitive, inputs)
    else:
        points = {name: border_points(primitive, name, seed) for name in shapes}
        expected, bound = sampled(primitive, inputs, points)
    return ProblemData(
        inputs={name: values.astype(np.float32) for name, values in inputs.items()},
        shapes=shapes,
        expected=expected,
        magnitude=bound,
        points={name: points.get(name) for name in shapes},
        reduction_length=reduction_length(primitive),
    )
