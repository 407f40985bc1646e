"""Thumbnails of a dataset, kept in a file without a name so that ten thousand of them take no memory."""

import tempfile
from types import TracebackType
from typing import Self

from PIL import Image

__all__ = ["Thumbnails"]


class Thumbnails:
    """Small pictures by number, while the block lasts."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._places: dict[int, tuple[int, tuple[int, int]]] = {}
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, number: int, image: Image.Image) -> None:
        """Keep a picture in mode RGB under a number."""
        data = image.tobytes()
        self._file.seek(self._end)
        self._file.write(data)
        self._places[number] = self._end, image.size
        self._end += len(data)

    def get(self, number: int) -> Image.Image | None:
        """The picture of a number; None where none was kept."""
        if number not in self._places:
            return None
        place, size = self._places[number]
        self._file.seek(place)
        return Image.frombytes("RGB", size, self._file.read(size[0] * size[1] * 3))
