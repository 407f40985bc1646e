"""Painting a plan into a folder that can be stopped at any moment and gone on with."""
