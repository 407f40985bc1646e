"""Figures over runs and batches."""
