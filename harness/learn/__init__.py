"""Training from recorded campaigns."""
