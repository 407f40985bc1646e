"""Stacks of adapters on a base that is never written to."""
