"""`kilnmark web ...`."""
