"""Pictures' files, made to measure: in any format, of any claimed size."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kilnmark.keymaps.pictures.file import PictureFile

WIDTH, HEIGHT = 32, 16


def colours(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """No two pixels of it are likely to be alike."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


def clear(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """The same, more and more transparent towards the upper edge."""
    image = colours(width, height)
    image.putalpha(Image.linear_gradient("L").resize((width, height)))
    return image


def saved(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def in_memory(data: bytes) -> PictureFile:
    return PictureFile("/pictures/a", data)


def put(folder: Path, name: str = "a.png", image: Image.Image | None = None) -> Path:
    path = folder / name
    path.write_bytes(saved(image or colours()))
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claiming(width: int, height: int, more: bytes = b"") -> bytes:
    """A PNG that says it has so many pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
