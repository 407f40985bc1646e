"""What lies between a client library and the network: deadlines, plain errors, and no repeats that nobody asked for.

Client libraries repeat some calls by themselves and wait as long as a server tells them to. Here every answer that is
no success becomes an error of ours before they see it, and every body has an end in time and size.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import msgspec

from kilnmark.lab.training.errors import RemoteAway, RemoteRefused
from kilnmark.lab.training.remote.key import Key

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["PlainTransport"]

_BODY_LIMIT = 64 << 20
_DETAIL_LIMIT = 4096
_SHOWN_DETAIL = 500


class PlainTransport:
    """Sends each request once; what httpx wants of a `BaseTransport`.

    Args:
        key: Taken out of whatever the remote says.
        seconds: That one answer may take, from its request to the end of its body; also what is waited for a piece of
            a body that is read piece by piece.
    """

    def __init__(self, key: Key, seconds: float) -> None:
        import httpx

        self._key = key
        self._seconds = seconds
        self._wrapped = httpx.HTTPTransport(verify=_trusted())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle_request(self, request: "httpx.Request") -> "httpx.Response":
        """Send it.

        Raises:
            RemoteAway: No answer in time.
            RemoteRefused: An answer that is no success.
        """
        import httpx

        what = f"{request.method} {request.url.copy_with(query=None)}"
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        deadline = time.monotonic() + self._seconds
        response = self._answer(request, what)
        piecewise = request.extensions.get("piecewise", False)
        body = _bodies()(response.stream, what, None if piecewise else deadline)
        if response.status_code >= 400:  # noqa: PLR2004 - of HTTP
            raise self._refusal(response, body, what)
        return httpx.Response(response.status_code, headers=response.headers, stream=body, request=request)

    def _answer(self, request: "httpx.Request", what: str) -> "httpx.Response":
        import httpx

        try:
            return self._wrapped.handle_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise RemoteAway(what, self._words(error), was_sent=False) from error
        except httpx.HTTPError as error:
            raise RemoteAway(what, self._words(error), was_sent=True) from error

    def _words(self, error: Exception) -> str:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {self._seconds:g} s"
        return self._key.hidden(str(error)) or type(error).__name__

    def _refusal(self, response: "httpx.Response", body: "_Body", what: str) -> RemoteRefused:
        try:
            told = b""
            for piece in body:
                told += piece
                if len(told) >= _DETAIL_LIMIT:
                    break
        except RemoteAway:
            told = b""
        finally:
            body.close()
        detail = self._key.hidden(_detail(told[:_DETAIL_LIMIT]))[:_SHOWN_DETAIL]
        return RemoteRefused(what, response.status_code, detail, _retry_after(response.headers))

    def close(self) -> None:
        """Let go of its connections."""
        self._wrapped.close()


class _Body:
    """A body with an end.

    Args:
        stream: As it comes.
        what: The call.
        deadline: On the monotonic clock; None: each piece has its time-out, and the reader its own measure.
    """

    def __init__(self, stream: Any, what: str, deadline: float | None) -> None:
        self._stream = stream
        self._what = what
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        import httpx

        size = 0
        try:
            for piece in self._stream:
                size += len(piece)
                if self._deadline is not None and (time.monotonic() > self._deadline or size > _BODY_LIMIT):
                    raise RemoteAway(self._what, "its answer has no end", was_sent=True)
                yield piece
        except httpx.HTTPError as error:
            raise RemoteAway(self._what, f"its answer breaks off ({type(error).__name__})", was_sent=True) from error

    def close(self) -> None:
        self._stream.close()


@cache
def _trusted() -> "ssl.SSLContext":
    """Whom this machine trusts: slow to read, and the same all along."""
    import httpx

    return httpx.create_ssl_context()


@cache
def _bodies() -> type[Any]:
    """The class of bodies as httpx takes them: only what is derived of its own."""
    import httpx

    return type("_BodyOfHttpx", (_Body, httpx.SyncByteStream), {})


class _Problem(msgspec.Struct):
    """RFC 7807, as far as it is shown."""

    title: str | None = None
    detail: str | None = None


def _detail(body: bytes) -> str:
    """What an error says: its `detail`, its `title`, or its first characters."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        problem = _Problem()
    text = problem.detail or problem.title or body.decode("utf-8", "replace")
    return " ".join(text.split()) or "(no words)"


def _retry_after(headers: "httpx.Headers") -> float | None:
    """Seconds, from a number or a date."""
    text = headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
