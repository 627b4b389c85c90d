"""Every form of kernel by clang, optimised as users build it; gcc builds them for the mutants."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.pipeline import parse_schedule
from compiler.problem.specification import primitive_from
from tests.compiler.codegen.batch import Case, check_cases
from tests.mutation.forms import FUSED, SMALL


@pytest.mark.needs("clang")
def test_every_form_is_what_its_statements_say(tmp_path: Path) -> None:
    cases: list[Case] = [
        (loop_nest(primitive_from(form.spec)).nest, parse_schedule(form.schedule))
        for form in (*SMALL, *FUSED)
    ]
    check_cases(cases, tmp_path, "forms", level="-O2", variant="clang")
