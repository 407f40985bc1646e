"""What a line of an oracle is, and the widths that several models have.

Nothing here reads a convention's document.
"""

Line = tuple[str, str, int, int]
"""Module without prefix, target, first row, end row."""

H, M, Z, K = 3072, 12288, 3840, 6144
