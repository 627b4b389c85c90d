"""What a primitive is to a library: found by what its statements compute, whatever its names."""
