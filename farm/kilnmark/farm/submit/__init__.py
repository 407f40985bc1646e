"""Work handed in, and what became of it."""
