"""The calls to a Replicate-style remote, each made once: upload, create, look, list, cancel, download.

Uploading, creating and cancelling are asked through Replicate's own client library. It forgets what a training cost and
where a list of trainings says what they were asked with, so looking and listing read the documents themselves. Who
calls again, and when, is not decided here.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.training.errors import RemoteAway, TrainerUnusable
from kilnmark.lab.training.remote.documents import RemotePage, RemoteTraining, UploadedFile, decode
from kilnmark.lab.training.remote.key import Key
from kilnmark.lab.training.remote.transport import PlainTransport

if TYPE_CHECKING:
    import httpx

__all__ = ["Remote"]

_PAGES = 50
_PIECE = 1 << 20
_LEAST_RATE = 16 << 10
"""Bytes a second that a download must come with, over all of it."""


class Remote:
    """A remote with the key of one account.

    Args:
        plan: Where it is, and how long is waited for it.
        key: What is sent with every call to it, and to nobody else.

    Raises:
        NotInstalled: Its packages are not there.
        TrainerUnusable: Its address is none that a key is sent to.
    """

    def __init__(self, plan: RemotePlan, key: Key) -> None:
        _check_address(plan.base_url)
        try:
            import httpx
            from replicate.client import Client
        except ImportError as error:
            raise NotInstalled("training at a remote", "lab") from error
        self._plan = plan
        self._key = key
        self._library: Callable[..., Any] = Client
        self._transport = cast("httpx.BaseTransport", PlainTransport(key, plan.answer_seconds))  # it has all of one
        self._plain = httpx.Client(
            base_url=plan.base_url,
            transport=self._transport,
            headers={"Authorization": f"Bearer {key.revealed()}"},
            trust_env=False,
        )
        self._bare = httpx.Client(transport=self._transport, follow_redirects=True, trust_env=False)

    def upload(self, file: Path, *, name: str, key: str) -> str:
        """Upload a file; nothing is charged for it.

        Returns:
            Its address, by which a training is asked to take it.
        """
        with _understood(f"uploading {file.name}"), file.open("rb") as stream:
            answer = self._client().files.create(stream, filename=name, metadata={"idempotency_key": key})
            return UploadedFile(answer.id, answer.urls).urls["get"]

    def create(self, inputs: Mapping[str, Any], *, key: str) -> str:
        """Start a training, which is charged for. Called once for a key, unless a refusal says that it did not start.

        Returns:
            The remote's id of it.
        """
        with _understood("starting a training"):
            started = self._client({"Idempotency-Key": key}).trainings.create(
                model=self._plan.model,
                version=self._plan.version,
                input=dict(inputs),
                destination=self._plan.destination,
            )
            return str(started.id)

    def look(self, training: str) -> RemoteTraining:
        """How a training goes."""
        with _understood(f"looking at training {training}"):
            found: RemoteTraining = decode(self._get(f"/v1/trainings/{training}"), RemoteTraining)
            return msgspec.structs.replace(found, status=self.hidden(found.status))

    def listed(self) -> Iterator[RemoteTraining]:
        """The trainings of the account, newest first."""
        address = "/v1/trainings"
        for _ in range(_PAGES):
            with _understood("listing trainings"):
                page: RemotePage = decode(self._get(address), RemotePage)
            yield from page.results
            if page.next is None or not self._is_own(page.next):
                return
            address = page.next

    def cancel(self, training: str) -> None:
        """Ask for a training's end."""
        with _understood(f"cancelling training {training}"):
            self._client().trainings.cancel(training)

    def download(self, address: str, goal: BinaryIO) -> "Mapping[str, str]":
        """Write what lies at an address into a file. The key goes with it to the remote itself alone.

        Returns:
            The headers that it came with.
        """
        client = self._plain if self._is_own(address) else self._bare
        _check_address(address)
        begun, size = time.monotonic(), 0
        with (
            _understood("fetching an output"),
            client.stream("GET", address, extensions={"piecewise": True}, follow_redirects=True) as answer,
        ):
            for piece in answer.iter_raw(_PIECE):
                goal.write(piece)
                size += len(piece)
                if time.monotonic() - begun > self._plan.answer_seconds + size / _LEAST_RATE:
                    raise RemoteAway(f"GET {_bare(address)}", f"{size} bytes came too slowly", was_sent=True)
            return dict(answer.headers)

    def hidden(self, text: str) -> str:
        """A text of the remote's without the key."""
        return self._key.hidden(text)

    def close(self) -> None:
        """Let go of its connections."""
        self._plain.close()
        self._bare.close()

    def _get(self, address: str) -> bytes:
        answer: httpx.Response = self._plain.get(address)
        return answer.content

    def _is_own(self, address: str) -> bool:
        whole = urlsplit(urljoin(self._plan.base_url, address))
        own = urlsplit(self._plan.base_url)
        return (whole.scheme, whole.netloc) == (own.scheme, own.netloc)

    def _client(self, headers: Mapping[str, str] | None = None) -> Any:
        return self._library(
            api_token=self._key.revealed(),
            base_url=self._plan.base_url,
            transport=self._transport,
            headers=dict(headers or {}),
            trust_env=False,
        )


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """An answer that is not what was asked for is as good as none."""
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RemoteAway(what, f"its answer is not understood ({type(error).__name__})", was_sent=True) from error


def _check_address(address: str) -> None:
    """What is sent in clear stays on this machine.

    Raises:
        TrainerUnusable: It would not.
    """
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise TrainerUnusable("remote", f"{_bare(address)!r} is no https address", "give one in [training.remote] base_url")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bare(address: str) -> str:
    return urlsplit(address)._replace(query="", fragment="").geturl()
