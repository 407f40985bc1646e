"""What a PNG says about itself in the `kilnmark` text chunk: this Struct, as JSON.

It holds enough to make the picture again and to check what every adapter changed. What the field's tools read beside
it is `parameters`' part.
"""

import os
import struct
import zlib
from typing import BinaryIO, Literal

import msgspec

from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureNumbers, PictureSpec, PinnedSpec
from kilnmark.protocol.printable import printable_json
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import StackInfo

__all__ = [
    "CHUNK",
    "STANDIN_NOTICE",
    "PictureRecord",
    "decode_record",
    "encode_record",
    "find_record",
]

CHUNK = "kilnmark"

STANDIN_NOTICE = "made by the standin base: this picture means nothing, it only shows whether adapters changed it"


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD = struct.Struct(">I4s")
_TEXT_HEAD = CHUNK.encode() + b"\0" * 5
"""How the text chunk begins: its keyword, not compressed, no language, no translated keyword (PNG 1.2, 11.3.4.5)."""
_TEXT_LIMIT = 16 << 20
"""Bytes of the largest text chunk that is read: 32 reports are below 1 MiB."""


class PictureRecord(PictureNumbers, frozen=True, kw_only=True):
    """One picture's request, base and adapters.

    Attributes:
        schema: Version of this chunk.
        created: UTC, ISO 8601.
        notice: Set when the picture must not be taken for a real one.
        loras: One report an adapter, in stack order, as in the reply; so is `stack_delta_ratio`.
    """

    schema: Literal[1] = 1
    kilnmark_version: str
    created: str
    notice: str = ""
    job_id: str
    negative_prompt: str | None
    tier: str | None
    seed: int
    base: BaseInfo
    stack: StackInfo
    loras: list[AdapterReport]
    stack_delta_ratio: float | None = None
    warnings: list[str] = []
    trace_id: str = ""

    @property
    def spec(self) -> PinnedSpec:
        """What the picture was made of, by its own word."""
        names = (name for name in PictureSpec.__struct_fields__ if name != "variant")
        spec = PictureSpec(**{name: getattr(self, name) for name in names}, variant=self.base.variant)
        return spec.pinned(
            ((report.sha256, report.scale) for report in self.loras), [report.asked_blocks for report in self.loras]
        )


def encode_record(record: PictureRecord) -> str:
    """The `kilnmark` chunk, fit to be shown by any tool that prints what it finds in a picture."""
    return printable_json(record)


def decode_record(chunk: str) -> PictureRecord:
    """Read a `kilnmark` chunk back. Raises msgspec.DecodeError when it is none."""
    return msgspec.json.decode(chunk.encode(), type=PictureRecord)  # Pillow gives a str of its own kind


def find_record(file: BinaryIO) -> PictureRecord | None:
    """The `kilnmark` chunk of an open PNG; None when it is no PNG, or has none that can be read before its pixels."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return None
    while len(head := file.read(_CHUNK_HEAD.size)) == _CHUNK_HEAD.size:
        length, kind = _CHUNK_HEAD.unpack(head)
        if kind == b"IDAT":
            return None
        if kind != b"iTXt" or length > _TEXT_LIMIT:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        text = file.read(length + 4)[:-4]
        if text.startswith(_TEXT_HEAD):
            return _decoded(text.removeprefix(_TEXT_HEAD))
    return None


def is_whole(file: BinaryIO) -> bool:
    """Whether an open file is a PNG to its last byte, each chunk with the checksum that it was written with.

    It tells damage, and not what somebody wrote on purpose (PNG, 3rd edition, 5.3 and 5.6).
    """
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return False
    while len(head := file.read(_CHUNK_HEAD.size)) == _CHUNK_HEAD.size:
        left, kind = _CHUNK_HEAD.unpack(head)
        checksum = zlib.crc32(kind)
        while left and (part := file.read(min(left, 1 << 16))):
            checksum, left = zlib.crc32(part, checksum), left - len(part)
        if left or file.read(4) != checksum.to_bytes(4, "big"):
            return False
        if kind == b"IEND":
            return not file.read(1)
    return False


def _decoded(text: bytes) -> PictureRecord | None:
    try:
        return decode_record(text.decode())
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):  # the last of one that is nested without end
        return None
