"""A kernel's hash is its code's, whatever schedule it was made from."""

from __future__ import annotations

from dataclasses import replace

from compiler.codegen.kernel import Kernel


def test_the_hash_is_of_the_code() -> None:
    kernel = Kernel("void polydl_kernel(void *const *buffers) {}\n", (), False)
    assert kernel.hash == Kernel(kernel.text, (), True).hash
    assert kernel.hash != replace(kernel, code=kernel.text + " ").hash
    assert len(kernel.hash) == 16
    assert set(kernel.hash) <= set("0123456789abcdef")


def test_the_schedule_is_a_comment_that_the_hash_ignores() -> None:
    kernel = Kernel("void polydl_kernel(void *const *buffers) {}\n", (), False)
    named = replace(kernel, schedule="scalar/order:i")
    assert named.text == f"/* schedule scalar/order:i */\n{kernel.code}"
    assert named.hash == kernel.hash
