"""The picture of a fake worker: one flat colour as a small valid PNG, whose record says that it is a fake.

The colour follows from what would decide the pixels of a real one, so that equal requests give equal pictures. Written
with nothing but the standard library.
"""

import struct
import zlib
from datetime import UTC, datetime
from importlib.metadata import version

from kilnmark.keymaps.files.outputs import OutputFolder, SavedFile, sha256_of
from kilnmark.protocol.picture.draft import DRAFT_NOTICE
from kilnmark.protocol.picture.parameters import PARAMETERS_CHUNK, parameters_text
from kilnmark.protocol.picture.record import CHUNK, PictureRecord, encode_record
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["FAKE_NOTICE", "fake_notice", "fake_preview", "write_fake_picture"]

FAKE_NOTICE = "made by a fake worker for tests: nothing was painted, and no adapter was looked at"


def fake_notice(command: RenderCommand) -> str:
    """What is said of the picture of a command, in its record and in the reply."""
    return f"{FAKE_NOTICE}; {DRAFT_NOTICE}" if command.draft else FAKE_NOTICE


def fake_preview(step: int, steps: int) -> bytes:
    """A preview as a small JPEG, one flat grey that is the lighter the more of the steps are done.

    The least that a baseline JPEG can be (ITU T.81): 8 by 8 pixels, of which the mean alone is told, in eights.
    """
    mean = round(255 * step / steps) - 128
    size = abs(mean).bit_length()
    bits = f"{size:04b}{(mean if mean > 0 else mean + (1 << size) - 1):0{size}b}" if size else "0000"
    coded = (bits + "0").ljust(16, "1")  # the mean's size, the mean, and nothing else
    scan = int(coded, 2).to_bytes(2).replace(b"\xff", b"\xff\0")
    means = bytes((0, 0, 0, 9, *(0,) * 12)) + bytes(range(9))
    others = bytes((1, *(0,) * 15)) + b"\0"
    parts = (
        (b"\xdb", b"\0" + b"\x08" * 64),
        (b"\xc0", struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0)),
        (b"\xc4", b"\x00" + means),
        (b"\xc4", b"\x10" + others),
        (b"\xda", b"\x01\x01\x00\x00\x3f\x00"),
    )
    said = b"".join(b"\xff" + mark + struct.pack(">H", len(body) + 2) + body for mark, body in parts)
    return b"\xff\xd8" + said + scan + b"\xff\xd9"


def write_fake_picture(
    command: RenderCommand, base: BaseInfo, loras: list[AdapterReport], outputs: OutputFolder
) -> SavedFile:
    """Write the picture of a command, of the size it asks for.

    Raises:
        OSError: it could not be written.
    """
    created = datetime.now(UTC).isoformat(timespec="milliseconds")
    record = PictureRecord(
        **command.fields_for(PictureRecord),
        kilnmark_version=version("kilnmark"),
        created=created,
        notice=fake_notice(command),
        job_id=command.job_id,
        tier=command.tier,
        base=base,
        stack=command.stack,
        loras=loras,
    )
    stamp = "".join(c for c in created if c.isdigit())[:17]
    name = f"{stamp}-{command.job_id}{'.draft' if command.draft else ''}.png"
    with outputs.written(name) as file:
        file.write(_png(record))
        sha256 = sha256_of(file)
    return SavedFile(outputs.path / name, sha256)


def _png(record: PictureRecord) -> bytes:
    size = struct.pack(">IIBBBBB", record.width, record.height, 8, 2, 0, 0, 0)
    row = b"\0" + _colour(record) * record.width
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", size),
            _chunk(b"iTXt", _text(CHUNK, encode_record(record).encode())),
            _chunk(b"iTXt", _text(PARAMETERS_CHUNK, parameters_text(record).encode())),
            _chunk(b"IDAT", zlib.compress(row * record.height)),
            _chunk(b"IEND", b""),
        )
    )


def _colour(record: PictureRecord) -> bytes:
    """Three bytes of red, green and blue."""
    return bytes.fromhex(record.spec.digest)[:3]


def _text(keyword: str, text: bytes) -> bytes:
    """The body of an `iTXt` chunk: not compressed, of no language (PNG 1.2, 11.3.4.5)."""
    return keyword.encode() + b"\0" * 5 + text


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
