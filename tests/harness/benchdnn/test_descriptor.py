from __future__ import annotations

import pytest

from harness.benchdnn.descriptor import problem_of
from harness.benchdnn.problem import Convolution, Product, Window
from harness.errors import SettingsError


def test_all_fields() -> None:
    text = 'g2mb3_ic4id5ih6iw7_oc8od2oh3ow7_kd1kh2kw3_sd4sh2sw1_pd1ph2pw3_dd0dh1dw2_n"all:of*them"'
    assert problem_of(text) == Convolution(
        "all:of*them",
        groups=2,
        mb=3,
        ic=4,
        oc=8,
        windows=(
            Window(5, 2, 1, 4, 1, 0),
            Window(6, 3, 2, 2, 2, 1),
            Window(7, 7, 3, 1, 3, 2),
        ),
    )


def test_padding_behind_follows_from_the_output() -> None:
    problem = problem_of("ic3ih8oc4oh4kh3sh2ph0")
    assert isinstance(problem, Convolution)
    assert {(w.before, w.after) for w in problem.windows} == {(0, 1)}


def test_the_batch_may_be_replaced() -> None:
    for text, mb, found in (("mb7", 0, 7), ("mb7", 3, 3), ("", 0, 2), ("", 3, 3)):
        problem = problem_of(f"{text}ic1ih1oc1kh1", mb)
        assert isinstance(problem, Convolution) and problem.mb == found


@pytest.mark.parametrize(
    ("text", "a", "b", "c", "name"),
    [
        ("128x768:768x3072", (128, 768), (768, 3072), (128, 3072), ""),
        ("2x3:3x4:2x4_n'q'", (2, 3), (3, 4), (2, 4), "q"),
        ("1x5x2x3:4x1x3x6n", (1, 5, 2, 3), (4, 1, 3, 6), (4, 5, 2, 6), ""),
    ],
)
def test_products(
    text: str, a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...], name: str
) -> None:
    problem = problem_of(text)
    assert isinstance(problem, Product)
    assert (problem.a, problem.b, problem.c, problem.name) == (a, b, c, name)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("ic3ih5oc4kh3", "--conv --dir=FWD_I mb2ic3ih5oc4oh3kh3ph0"),
        ("g1mb1ic3iw5oc4kw3pw1sw2n'x'", '--conv --dir=FWD_I mb1ic3iw5oc4ow3kw3sw2pw1n"x"'),
        (
            "g4mb1ic4ih5iw6oc4kh1kw2dw1",
            "--conv --dir=FWD_I g4mb1ic4ih5iw6oc4oh5ow4kh1kw2ph0pw0dh0dw1",
        ),
        ("mb1ic3id5oc4kd3pd1", "--conv --dir=FWD_I mb1ic3id5oc4od5kd3pd1"),
        ("8x4:4x2_n'y'", '--matmul --stag=abx --wtag=any --dtag=abx 8x4:4x2n"y"'),
        ("3x8x4:3x4x2", "--matmul --stag=abx --wtag=abx --dtag=abx 3x8x4:3x4x2"),
    ],
)
def test_arguments_are_short_and_read_back(text: str, arguments: str) -> None:
    problem = problem_of(text)
    assert problem.arguments == arguments
    assert problem_of(arguments.split()[-1]) == problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ic3ih5oc4kh3q1", "'q1' is no field with a number; known: g, mb, ic, oc, id, ih"),
        ("ic3ih5oc4kh", "'kh' is no field with a number"),
        ("ic3ih-5oc4kh3", "'ih-5oc4kh3' is no field with a number"),
        ("ih5oc4kh3", "ic is not given"),
        ("ic3ih5oc0kh3", "oc must be >= 1, got 0"),
        ("mb0ic3ih5oc4kh3", "mb must be >= 1, got 0"),
        ("ic3ih5oc4kh3sh0", "sh must be >= 1, got 0"),
        ("ic3ih5oc4", "kh is not given"),
        ("ic3oc4kh3", "ih is not given"),
        ("ic3ih5oc4kh3sw2", "iw is not given"),
        ("ic3oc4", "no input shape and kernel are given (id ih iw, kd kh kw)"),
        ("ic3id5ih5oc4kd3kh3", "beside the depth give both height and width, or neither"),
        ("ic3ih5oc4kh7", "oh = (ih - 7 + 2*ph)/sh + 1 = -1 with ih=5, ph=0, sh=1; it must be >= 1"),
        ("ic3ih9oc4oh3kh3ph1", "it gives 5 rows that nothing reads, and oneDNN takes padding >= 0"),
        ("ic3ih9oc4oh3kh3", "oh=3 leaves out part of ih=9: it gives ph=-2"),
        ("g2ic3ih5oc4kh3", "ic=3 is no multiple of g=2; ic and oc count all groups"),
        ("2x3", "a matrix product is MxK:KxN or BxMxK:BxKxN"),
        ("2x3:3", "a matrix product is"),
        ("2x3:3x4x5", "as many dimensions"),
        ("2x3:4x5", "K is 3 in the first and 4 in the second tensor"),
        ("2x0:0x5", "dimensions must be >= 1"),
        ("2x2x3:3x3x4", "batches 2 and 3 differ"),
        ("2x3:3x4:2x5", "the result of 2x3:3x4 is 2x4, not 2x5"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        problem_of(text)
    assert message in str(caught.value)
