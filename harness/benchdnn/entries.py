"""benchdnn's problems as entries of a workload: our primitive, its sizes and a name."""

from __future__ import annotations

import re
from math import prod

from compiler.errors import ProblemError
from compiler.problem.names import LONGEST, checked_label
from compiler.problem.specification import LARGEST_SIZE
from harness.benchdnn.problem import LETTERS, Convolution, Product
from harness.errors import SettingsError

Entry = dict[str, object]  # name, primitive, sizes


def entry_of(problem: Convolution | Product, number: int, taken: dict[str, int]) -> Entry:
    """The entry of a file's `number`th problem, under a name that is not `taken` yet.

    The name is taken then; beside each stands the number that the next of its kind may get.

    Raises SettingsError where no primitive is the problem.
    """
    primitive, sizes = primitive_of(problem)
    for size, value in sizes.items():
        if value > LARGEST_SIZE:
            raise SettingsError(f"{size} must be <= {LARGEST_SIZE}, got {value}")
    return {
        "name": _label(problem, number, taken),
        "primitive": primitive,
        "sizes": sizes,
    }


def primitive_of(problem: Convolution | Product) -> tuple[str, dict[str, int]]:
    """The primitive's name and sizes. Sizes that follow from others are left out."""
    return _product(problem) if isinstance(problem, Product) else _convolution(problem)


def _product(problem: Product) -> tuple[str, dict[str, int]]:
    """A batch that meets one b alone is so many more rows: both lie in memory alike."""
    a, b = problem.a, problem.b
    if prod(b[:-2]) == 1:
        return "matmul", {"m": prod(a[:-1]), "n": b[-1], "k": a[-1]}
    if a[:-2] != b[:-2]:
        raise SettingsError(
            "the first tensor, or part of a batch, is repeated over the batch, which no primitive "
            "does; give both the same batch, or the second none"
        )
    return "batched_matmul", {"batch": problem.batch, "m": a[-2], "n": b[-1], "k": a[-1]}


def _convolution(problem: Convolution) -> tuple[str, dict[str, int]]:
    windows = problem.windows
    letters = LETTERS[-len(windows) :]
    kind, channels = channels_of(problem.groups, problem.ic, problem.oc)
    sizes = {"n": problem.mb, **channels}
    sizes |= {f"i{letter}": w.input for letter, w in zip(letters, windows, strict=True)}
    sizes |= {f"k{letter}": w.kernel for letter, w in zip(letters, windows, strict=True)}
    sizes |= alike("stride", letters, [w.stride for w in windows])
    for letter, w in zip(letters, windows, strict=True):
        sizes[f"pad_{letter}"] = w.before
        # As much padding behind as before gives the same output, unless another pixel fits in.
        if not w.after <= w.before < w.after + w.stride:
            sizes[f"pad_{letter}_end"] = max(w.after, 0)
    sizes |= alike("dilation", letters, [w.dilation + 1 for w in windows])
    return f"{kind}conv{len(windows)}d", sizes


def channels_of(groups: int, ic: int, oc: int) -> tuple[str, dict[str, int]]:
    """What a convolution's name begins with, and its sizes of `ic` and `oc` channels in groups."""
    if groups == 1:
        return "", {"ic": ic, "oc": oc}
    if groups == ic == oc:
        return "depthwise_", {"c": groups}
    return "grouped_", {"g": groups, "ic": ic // groups, "oc": oc // groups}


def alike(size: str, letters: str, values: list[int]) -> dict[str, int]:
    """One size where all dimensions have the same value, else one for each."""
    if len(set(values)) == 1:
        return {size: values[0]}
    return {f"{size}_{letter}": value for letter, value in zip(letters, values, strict=True)}


def _label(problem: Convolution | Product, number: int, taken: dict[str, int]) -> str:
    """The problem's name as an identifier; conv_3 or matmul_3 for the third, where it has none."""
    kind = "matmul" if isinstance(problem, Product) else "conv"
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", problem.name).strip("_")[:LONGEST]
    try:
        checked_label(stem, kind)
    except ProblemError:
        stem = f"{kind}_{stem or number}"[:LONGEST]
    label, again = stem, taken.get(stem, 2)
    while label in taken:
        ending = f"_{again}"
        label, again = stem[: LONGEST - len(ending)] + ending, again + 1
    taken[stem] = again
    taken.setdefault(label, 2)
    return label
