"""ONNX files: what a network computes, as problems, and what of it no primitive computes."""
