"""Which files of a folder may be shown on a page: those within it, of kinds that do nothing.

A path that leads out of its folder, through a link too, is refused; so is a hidden one. Nothing is served here.
"""

import io
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["PICTURE_TYPES", "TEXT_TYPES", "inside", "sent_as", "thumbnail"]

PICTURE_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
TEXT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".jsonl": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".toml": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
THUMBNAIL: Final = 640
"""Pixels of the longer side of a small picture."""

_KEPT = 256
"""Small pictures that are remembered."""


def inside(folder: Path, name: str) -> Path | None:
    """A regular file within a folder; None where there is none, or where it leads out of it.

    Args:
        folder: What it has to be in.
        name: Its path from there, with slashes.
    """
    parts = name.split("/")
    if any(part in {"", ".", ".."} or part.startswith(".") or "\0" in part or "\\" in part for part in parts):
        return None
    try:
        base = folder.resolve(strict=True)
        found = base.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return found if found.is_relative_to(base) and found.is_file() else None


def sent_as(path: Path, *, texts: bool = False) -> str | None:
    """The media type that a file is shown as; None: it is not shown.

    Args:
        path: The file.
        texts: Whether reports and logs are shown, too.
    """
    suffix = path.suffix.lower()
    return PICTURE_TYPES.get(suffix) or (TEXT_TYPES.get(suffix) if texts else None)


def thumbnail(path: Path) -> bytes:
    """A small JPEG of a picture, with nothing but its pixels in it.

    Raises:
        OSError: It is no picture that can be read, or too large a one.
    """
    status = path.stat()
    return _thumbnail(os.fspath(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=_KEPT)
def _thumbnail(path: str, _changed: int, _size: int) -> bytes:
    from PIL import Image, ImageOps

    shown = io.BytesIO()
    try:
        with Image.open(path) as image:
            image.draft("RGB", (THUMBNAIL, THUMBNAIL))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            small.save(shown, "JPEG", quality=85)
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(f"{path} cannot be shown: {error}") from error
    return shown.getvalue()
