"""The bucket of content at the broker: every file once, under its hash, and nothing out of it that has another.

A file is put in a file's place whole, or not at all: its bytes lie apart until the last of them is there, and are those
of its hash. Whoever needs one that lies there for long says so; what nobody needs is taken away (`unneeded`).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.content.moving import Moving, ReceivedFile, SentFile
from kilnmark.farm.documents import ContentFile
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.names import CONTENT, file_subject
from kilnmark.farm.reading import read_document
from kilnmark.keymaps.files.atomic import written_whole

if TYPE_CHECKING:
    from pathlib import Path

    from nats.js.api import RawStreamMsg
    from nats.js.object_store import ObjectStore

__all__ = ["SAID_AGAIN", "ContentStore", "FileSaid", "file_said", "open_content"]

SAID_AGAIN = timedelta(days=1)
"""After so long it is said again of a file that it is needed."""

_WRONG_SEQUENCE = 10071
"""What the broker says to who would write over something else than they have read."""


async def open_content(link: FarmLink, bucket: str = CONTENT) -> "ContentStore":
    """A bucket of files.

    Raises:
        FarmError: The broker does not answer, has none, or lets these credentials not look.
    """
    with link.telling("look at its files"):
        return ContentStore(link, bucket, await link.js.object_store(bucket))


class FileSaid(msgspec.Struct, frozen=True):
    """What is written at the broker of a file, as far as it matters here.

    Attributes:
        nuid: What its bytes lie under.
        size: Bytes.
        deleted: It was taken away.
    """

    nuid: str
    size: int = 0
    deleted: bool = False


def file_said(message: "RawStreamMsg") -> FileSaid | None:
    """What a message says of a file; None: it says nothing of any."""
    try:
        return read_document(message.data, FileSaid)
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class _Lying:
    """What the broker has of a file.

    Attributes:
        sequence, at: Of the message that says so, by the broker's count and clock.
        said: The message.
    """

    sequence: int
    at: datetime
    said: bytes


class ContentStore:
    """Files under their hashes.

    Args:
        link: To the broker.
        name: The bucket's. All but that of content let files go by their age.
        bucket: Itself.
    """

    def __init__(self, link: FarmLink, name: str, bucket: "ObjectStore") -> None:
        self._link = link
        self._name = name
        self._bucket = bucket

    async def has(self, content: ContentFile) -> bool:
        """Whether the file lies there, by its hash and its length.

        Raises:
            FarmError: The broker does not answer.
        """
        return await self._lying(content) is not None

    async def need(self, content: ContentFile) -> bool:
        """Have a file that lies there stay as long as one that is put there now. Returns whether it lies there.

        Raises:
            FarmError: The broker does not answer.
        """
        while (lying := await self._lying(content)) is not None:
            if lying.at > await self._link.broker_time() - SAID_AGAIN:
                return True
            if self._name != CONTENT:  # its bytes go by their own age
                return False
            if await self._say_again(content, lying):
                return True
        return False

    async def put(self, local: LocalFile, *, anew: bool = False) -> bool:
        """Have a file lie there, as long as if it were put there now. Returns whether it was sent.

        Args:
            local: Which.
            anew: Send it though it lies there.

        Raises:
            FarmError: It could not be sent, or is another than it was when it was looked at; what lay there lies there.
        """
        if not anew and await self.need(local.content):
            return False
        try:
            with local.path.open("rb") as file, self._link.telling("write a file"):
                async with Moving() as moving:
                    await self._bucket.put(local.content.sha256, SentFile(file, local, moving))  # type: ignore[arg-type]
        except OSError as error:
            raise FarmNotUsable(str(local.path), f"cannot be read ({error.strerror or error})") from error
        return True

    async def fetch(self, content: ContentFile, goal: "Path") -> None:
        """Have the file at a place of this machine, whole and verified, or nothing there.

        Raises:
            ContentUnusable: It does not lie there, or holds other bytes than its hash says.
            FarmNotUsable: There is no room for it here.
            FarmError: The broker does not answer.
        """
        from nats.js.errors import BadObjectMetaError, DigestMismatchError, ObjectNotFoundError

        if not await self.has(content):
            raise ContentUnusable(content.name, content.sha256, "it does not lie there, or not whole")
        try:
            with written_whole(goal) as file, self._link.telling("read a file"):
                try:
                    async with Moving() as moving:
                        await self._bucket.get(content.sha256, writeinto=ReceivedFile(file, moving))  # type: ignore[arg-type]
                except (ObjectNotFoundError, BadObjectMetaError, DigestMismatchError) as error:
                    raise ContentUnusable(content.name, content.sha256, "its bytes are damaged") from error
                except TimeoutError as error:
                    if not self._link.nc.is_connected:
                        raise
                    reason = "some of its bytes are not there, or it was exchanged while it was read"
                    raise ContentUnusable(content.name, content.sha256, reason) from error
                file.seek(0)
                if hashlib.file_digest(file, "sha256").hexdigest() != content.sha256:  # type: ignore[arg-type]
                    raise ContentUnusable(content.name, content.sha256, "it holds other bytes than its hash says")
        except OSError as error:
            raise FarmNotUsable(str(goal.parent), f"cannot be written ({error.strerror or error})") from error

    async def _lying(self, content: ContentFile) -> _Lying | None:
        from nats.js.errors import NotFoundError

        with self._link.telling("look for a file"):
            try:
                message = await self._link.js.get_last_msg(
                    f"OBJ_{self._name}", file_subject(self._name, content.sha256)
                )
            except NotFoundError:
                return None
        said = file_said(message)
        if said is None or said.deleted or said.size != content.size or message.time is None:
            return None
        return _Lying(message.seq or 0, message.time, message.data or b"")

    async def _say_again(self, content: ContentFile, lying: _Lying) -> bool:
        """Write anew what is written of a file. Returns whether it was that still."""
        from nats.js.api import Header
        from nats.js.errors import APIError
        from nats.js.kv import MSG_ROLLUP_SUBJECT

        headers: dict[str, Any] = {
            Header.ROLLUP: MSG_ROLLUP_SUBJECT,
            Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(lying.sequence),
        }
        with self._link.telling("say that a file is needed"):
            try:
                await self._link.js.publish(file_subject(self._name, content.sha256), lying.said, headers=headers)
            except APIError as error:
                if error.err_code == _WRONG_SEQUENCE:
                    return False
                raise
        return True
