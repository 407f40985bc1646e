"""`kilnmark lab demo`."""
