"""Kernels as functions of Python: arrays in, arrays out, nothing measured."""
