"""What a file says of itself, true or not: for whoever describes a broken one. Nothing is applied on its account."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.header import HEAD, HEADER_LIMIT, PREFIX, Header, header_size, parse_header
from kilnmark.keymaps.files.opened import fill, opened
from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["Claims", "read_claims"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a file that may be broken says of itself, as far as it can be understood.

    Attributes:
        size: Of the file, in bytes.
        head: Its first bytes.
        header_size: Of the header without its length, in bytes, whether or not so much follows; None where none begins.
        header: Whether or not the file holds all that it says; None where it cannot be understood.
    """

    size: int
    head: bytes
    header_size: int | None = None
    header: Header | None = None


def read_claims(path: AnyPath, roots: Sequence[AnyPath] | None = None) -> Claims:
    """Read what a file says it holds, true or not.

    Arguments are those of `read_file`.

    Raises:
        RefusedFile: There is no such file, or it cannot be read.
    """
    with opened(path, roots, None) as source:
        head = bytearray(min(HEAD, source.size))
        fill(source, memoryview(head))
        claims = Claims(source.size, bytes(head))
        try:
            size = header_size(source.path, claims.head, source.size)
        except UnsafeFile:
            return replace(claims, header_size=_claimed_size(claims.head))
        raw = bytearray(size)
        os.lseek(source.descriptor, PREFIX, os.SEEK_SET)
        fill(source, memoryview(raw))
        try:
            return replace(claims, header_size=size, header=parse_header(source.path, raw, None))
        except UnsafeFile:
            return replace(claims, header_size=size)


def _claimed_size(head: bytes) -> int | None:
    size = int.from_bytes(head[:PREFIX], "little")
    return size if head[PREFIX : PREFIX + 1] == b"{" and size <= HEADER_LIMIT else None
