"""Matrices: what the tensors of a module come to on its targets, a module for each kind of update."""
