"""How schedules are chosen: each strategy is one file, its options and its function."""
