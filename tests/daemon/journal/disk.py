"""A disk that fails, for the tests of what is kept on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["no_folder"]


@contextmanager
def no_folder(path: Path) -> Iterator[None]:
    """A file stands where a journal's folder was, which a user with every right cannot write into either."""
    away = path.parent.with_name("away")
    path.parent.rename(away)
    path.parent.write_bytes(b"")
    try:
        yield
    finally:
        path.parent.unlink()
        away.rename(path.parent)
