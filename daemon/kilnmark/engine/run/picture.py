"""A picture on disk: complete or absent, with its proof inside.

A reader never sees half a PNG: `keymaps.files.atomic` writes it.
"""

from pathlib import Path

import msgspec
from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.picture.record import CHUNK, PARAMETERS_CHUNK, PictureRecord, parameters_text

__all__ = ["write_picture"]


def write_picture(image: Image, record: PictureRecord, output_dir: Path) -> Path:
    """Write a PNG named after its moment and job, readable by this user.

    Raises:
        OSError: it could not be written; nothing of it is left behind.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    stamp = "".join(c for c in record.created if c.isdigit())[:17]
    final = output_dir / f"{stamp}-{record.job_id}.png"
    with written_whole(final) as file:
        image.save(file, format="PNG", pnginfo=_chunks(record))
    return final


def _chunks(record: PictureRecord) -> PngInfo:
    info = PngInfo()
    info.add_itxt(CHUNK, msgspec.json.encode(record).decode())
    info.add_itxt(PARAMETERS_CHUNK, parameters_text(record))
    return info
