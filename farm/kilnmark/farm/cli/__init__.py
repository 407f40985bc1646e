"""`kilnmark farm ...`."""
