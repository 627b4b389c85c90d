"""A kernel's hash is its text's."""

from __future__ import annotations

from dataclasses import replace

from compiler.codegen.kernel import Kernel


def test_the_hash_is_of_the_text() -> None:
    kernel = Kernel("void polydl_kernel(void *const *buffers) {}\n", (), False)
    assert kernel.hash == Kernel(kernel.text, (), True).hash
    assert kernel.hash != replace(kernel, text=kernel.text + " ").hash
    assert len(kernel.hash) == 16
    assert set(kernel.hash) <= set("0123456789abcdef")
