"""Kernels of polydl on PyTorch's tensors in the processor's memory, without a copy of theirs.

pip install torch
python examples/torch_tensors.py
"""

from __future__ import annotations

import numpy
import torch

import polydl

conv = polydl.kernel("conv2d", ic=32, oc=32, ih=28, iw=28)
data, weight = torch.randn(1, 32, 28, 28), torch.randn(32, 32, 3, 3)
out = torch.from_dlpack(conv(data, weight))
assert torch.allclose(out, torch.nn.functional.conv2d(data, weight, padding=1), atol=1e-3)

# Where a layout is plain and the tensor lies on a 64-byte boundary, the kernel reads and writes it.
product = polydl.kernel("matmul", m=64, n=64, k=64)
a, b, c = torch.from_dlpack(product.empty("a")), torch.randn(64, 64), product.empty("c")
a.normal_()
product(a, b, c=c)
assert torch.allclose(torch.from_dlpack(c), a @ b, atol=1e-3)

# What cannot be taken is named: here a view, whose rows are columns.
try:
    product(a, b.T)
except polydl.REFUSALS as refusal:
    print(refusal)

print("equal to torch:", tuple(out.shape), numpy.asarray(c).shape)
