"""The hub as it is asked: its address, the token, the session of huggingface_hub, and what its refusals mean.

The only module that knows where the hub is and who asks. That package is imported when something is asked, since the
light installation has none.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from kilnmark.client.cli.models.errors import (
    FetchingForbidden,
    HubFailed,
    HubNotInstalled,
    ModelNotPublished,
    ModelProblem,
    ModelWithheld,
)
from kilnmark.client.hub import HUB, hub_address, hub_token, is_offline, token_place

if TYPE_CHECKING:
    import httpx

__all__ = ["HubSite", "Later", "site_of"]

CONNECT_TIMEOUT = 15.0
SILENCE_TIMEOUT = 60.0
"""Seconds without a byte, after which a connection counts as broken."""

_LATER = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 120.0
_TOKEN = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Later:
    """The hub is to be asked again.

    Attributes:
        reason: What it said, or what happened.
        seconds: After so many; None: it does not say.
    """

    reason: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HubSite:
    """One hub and one user.

    Attributes:
        address: Without a slash at its end.
        token: None: there is none.
        token_place: Where it is from.
        pause: What lets seconds pass before something is asked again.
    """

    address: str
    token: str | None
    token_place: str | None
    pause: Callable[[float], None] = time.sleep

    def headers(self) -> dict[str, str]:
        """Of every request; the session takes the token off where it is led to another address."""
        from huggingface_hub.utils import build_hf_headers

        return build_hf_headers(
            token=self.token or False, library_name="kilnmark", library_version=version("kilnmark")
        ) | {"Accept-Encoding": "identity"}

    def refusal(self, response: "httpx.Response", repository: str, what: str) -> ModelProblem | Later:
        """What an answer that gives nothing means.

        Args:
            response: It.
            repository: Which was asked for.
            what: That, with the state or the file.
        """
        status = response.status_code
        said = f"it answers {status} {HTTPStatus(status).phrase if status in set(HTTPStatus) else ''}".rstrip()
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ModelWithheld(repository, f"{HUB}/{repository}", status, self.token_place)
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return ModelNotPublished(self.address, what)
        if status in _LATER:
            return Later(said, _seconds(response.headers.get("Retry-After")))
        return HubFailed(self.address, said)


def site_of(env: Mapping[str, str]) -> HubSite:
    """The hub and the user that the variables and the file of the token say.

    Raises:
        ModelProblem: They forbid to ask, the token cannot be sent, or the package is missing.
    """
    if is_offline(env):
        raise FetchingForbidden("$HF_HUB_OFFLINE or $TRANSFORMERS_OFFLINE is set", "unset it")
    address = hub_address(env)
    if not address.startswith(("https://", "http://")):
        raise FetchingForbidden(
            f"$HF_ENDPOINT is {address!r}, and no address", "set it to one that begins with https://"
        )
    if not _is_installed():
        raise HubNotInstalled
    return HubSite(address, *_token(env))


def _is_installed() -> bool:
    """Before version 1 its session was another library's."""
    try:
        return int(version("huggingface_hub").partition(".")[0]) >= 1
    except (PackageNotFoundError, ValueError):
        return False


def _token(env: Mapping[str, str]) -> tuple[str | None, str | None]:
    """It, and where it is from. What no header can carry is refused here, where it is not shown."""
    try:
        token, place = hub_token(env), token_place(env)
    except (OSError, ValueError) as error:
        raise FetchingForbidden(f"the token cannot be read: {error}", "mend that, or set $HF_TOKEN") from error
    if token is not None and not _TOKEN.fullmatch(token):
        raise FetchingForbidden(f"what {place} says has characters that no token has", "run `hf auth login` again")
    return token, place


def _seconds(header: str | None) -> float | None:
    """What Retry-After says, where that is a number."""
    try:
        return min(max(float(header or ""), 0.0), _LONGEST_PAUSE)
    except ValueError:
        return None
