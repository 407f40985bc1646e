"""Renders as traces tell of them, from a file of spans or from a daemon as they pass."""
