from __future__ import annotations

import pytest

from harness.kernel.vector_unit import cpu_flags, vector_facts


@pytest.mark.parametrize(
    ("isa", "flags", "width"),
    [
        ("x86_64", "fpu sse2 avx2 fma avx512f", 64),
        ("x86_64", "fpu sse2 avx avx2 fma", 32),
        ("x86_64", "fpu sse2 avx", 16),
        ("aarch64", "fp asimd", 16),
        ("riscv64", "", 4),
    ],
)
def test_vector_width_follows_the_flags(isa: str, flags: str, width: int) -> None:
    key = "Features" if isa == "aarch64" else "flags"
    found = vector_facts(f"processor : 0\n{key} : {flags}\n", isa)
    assert found.bytes == width
    assert found.embedded_broadcast == (width == 64)


def test_flags_are_sorted_and_of_the_first_processor() -> None:
    assert cpu_flags("flags\t: b a\n\nflags\t: c\n") == ("a", "b")
    assert cpu_flags("") == ()
