"""Bytes: which file is meant, whether it is safe, and what stands in it."""
