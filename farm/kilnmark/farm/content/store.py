"""The bucket of content at the broker: every file once, under its hash, and nothing out of it that has another."""

import asyncio
import hashlib
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.documents import ContentFile
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.names import CONTENT
from kilnmark.keymaps.files.atomic import written_whole

if TYPE_CHECKING:
    from pathlib import Path

    from nats.js.object_store import ObjectStore

__all__ = ["ContentStore", "open_content"]

_QUIET = 10.0
"""Seconds that a transfer takes at most, beside what is added for each 4 MB of it."""
_PER_BYTE = 1 / (4 << 20)


async def open_content(link: FarmLink, bucket: str = CONTENT) -> "ContentStore":
    """A bucket of files.

    Raises:
        FarmError: The broker does not answer, has none, or lets these credentials not look.
    """
    with link.telling("look at its files"):
        return ContentStore(link, await link.js.object_store(bucket))


class ContentStore:
    """Files under their hashes."""

    def __init__(self, link: FarmLink, bucket: "ObjectStore") -> None:
        self._link = link
        self._bucket = bucket

    async def has(self, content: ContentFile) -> bool:
        """Whether the file lies there, by its hash and its length.

        Raises:
            FarmError: The broker does not answer.
        """
        from nats.js.errors import BadObjectMetaError, ObjectNotFoundError

        with self._link.telling("look for a file"):
            try:
                info = await self._bucket.get_info(content.sha256)
            except (ObjectNotFoundError, BadObjectMetaError):
                return False
        return info.size == content.size

    async def put(self, local: LocalFile, *, anew: bool = False) -> bool:
        """Have a file lie there. Returns whether it was sent.

        Args:
            local: Which.
            anew: Send it though it lies there.

        Raises:
            FarmError: It could not be sent, or is another than it was when it was looked at.
        """
        if not anew and await self.has(local.content):
            return False
        try:
            with local.path.open("rb") as file, self._link.telling("write a file"):
                async with asyncio.timeout(_QUIET + local.content.size * _PER_BYTE):
                    info = await self._bucket.put(local.content.sha256, file)
        except OSError as error:
            raise FarmNotUsable(str(local.path), f"cannot be read ({error.strerror or error})") from error
        if info.digest != _digest_of(local.content.sha256):
            with self._link.telling("take a file away"):
                await self._bucket.delete(local.content.sha256)
            raise FarmNotUsable(str(local.path), "was written to while it was handed in; hand it in again")
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
                    async with asyncio.timeout(_QUIET + content.size * _PER_BYTE):
                        await self._bucket.get(content.sha256, writeinto=file)  # type: ignore[arg-type]
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

    async def delete(self, content: ContentFile) -> None:
        """Take a file away that nobody needs; one that is not there is no error.

        Raises:
            FarmError: The broker does not answer, or does not allow it.
        """
        from nats.js.errors import ObjectNotFoundError

        with self._link.telling("take a file away"):
            try:
                await self._bucket.delete(content.sha256)
            except ObjectNotFoundError:
                return


def _digest_of(sha256: str) -> str:
    """As object stores of the broker have it."""
    import base64

    return f"SHA-256={base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode()}"
