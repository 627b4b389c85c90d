"""Claims as data: what the paper, README and docs say, held against recorded campaigns."""
