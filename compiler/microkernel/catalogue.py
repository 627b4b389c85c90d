"""The forms of microkernel that can be generated; a new one is a row here and its emitter."""

from __future__ import annotations

from compiler.microkernel.signature import Signature

BROADCAST = "out[p,v] += left[p] * right[v]"

CATALOGUE = {
    form.name: form
    for form in (
        Signature("broadcast", BROADCAST),  # right is constant, as weights are
        Signature("pixels", BROADCAST),  # right is not, as images are: the same C
        Signature("product", BROADCAST, memory=True),  # the same C in a library's place
        Signature("libxsmm", BROADCAST, memory=True, library="libxsmm"),
        Signature("cblas", BROADCAST, memory=True, library="cblas"),
        Signature(
            "lanes", "out[p,v] = f(out, x[p,v], y[v], z[p])"
        ),  # any expression, summed or not
        Signature("dot", "out[p] = f(out, x[p,v], y[v], z[p])"),  # its reduction along the lanes
    )
}
VECTOR_SCHEMES = ("broadcast", "pixels", "lanes", "dot")  # those that a schedule begins with
MICROKERNELS = ("generated", *(name for name, form in CATALOGUE.items() if form.memory))
LIBRARIES = tuple(name for name, form in CATALOGUE.items() if form.library)
