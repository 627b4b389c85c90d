"""benchdnn's problem format: what oneDNN's own benchmark reads and prints."""
