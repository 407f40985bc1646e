"""`kilnmark lab ...`."""
