"""Work handed in."""
