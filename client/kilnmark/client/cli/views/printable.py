"""Text from outside, made fit for a terminal. Apart from `tables` so that it is there without rich."""

__all__ = ["encodable", "printable"]


def printable(text: str) -> str:
    """The same with control characters spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def encodable(text: str) -> str:
    """The same in UTF-8: file names may hold bytes that are no text, and JSON cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
