"""The harness: from a configuration to built, verified, measured and recorded kernels."""
