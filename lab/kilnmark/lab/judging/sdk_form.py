"""What judges by their makers' SDKs have in common: a call is sent once, waited for so long, and told how it ended.

The SDKs are made alike, and everything of theirs is turned off that would send a call again, or elsewhere. How a
question is put and what a reply looks like is each form's own to know.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import msgspec

from kilnmark.lab.judging.refusals import Wording, of_connection, of_status
from kilnmark.lab.judging.talk import Doubtful, Ended, Endpoint, JudgeAnswered, Question
from kilnmark.lab.judging.tls import trusted_by

__all__ = ["SdkForm"]

R = TypeVar("R")


class SdkForm(ABC, Generic[R]):
    """A `VisionModel` by an SDK; `R` is what a reply is decoded to.

    Args:
        sdk: The module.
        endpoint: Whom to ask.
        key: Theirs; empty: they want none.
        variable: Where it is from, for messages.
    """

    _reply: type[R]
    _form: str
    """What a reply is, for messages."""

    _client: Any
    """Made with `_options`, and with what else is to be turned off."""

    def __init__(self, sdk: Any, endpoint: Endpoint, key: str, variable: str) -> None:
        self._sdk = sdk
        self._endpoint = endpoint
        self._key = key
        self._variable = variable
        self._words = Wording(key)

    def _options(self) -> dict[str, Any]:
        """A client's, by which it asks nobody but the endpoint, and each thing once."""
        endpoint = self._endpoint
        http = self._sdk.DefaultAsyncHttpxClient(
            follow_redirects=False, timeout=endpoint.deadline, verify=trusted_by(endpoint.base_url)
        )
        return {
            "api_key": self._key or "none",
            "base_url": endpoint.base_url,
            "max_retries": 0,
            "timeout": endpoint.deadline,
            "http_client": http,
        }

    async def ask(self, question: Question, key: str) -> Ended:
        """See `VisionModel`."""
        url = self._endpoint.base_url
        try:
            async with asyncio.timeout(self._endpoint.deadline):
                body = await self._sent(question, {"Idempotency-Key": key})
        except TimeoutError:
            return Doubtful(f"there was no reply within {self._endpoint.deadline:g} seconds")
        except self._sdk.APIStatusError as error:
            said, headers = self._words.of(error.response.text), error.response.headers
            return of_status(error.status_code, said, headers, base_url=url, variable=self._variable)
        except self._sdk.APIConnectionError as error:
            cause = error.__cause__
            return of_connection(cause, self._words.of(str(cause)), url)
        return self._ended(body)

    async def close(self) -> None:
        """See `VisionModel`."""
        await self._client.close()

    def _ended(self, body: bytes) -> Ended:
        try:
            reply = msgspec.json.decode(body, type=self._reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Doubtful(f"what came back is no {self._form}: {self._words.of(str(error))}")
        return self._answered(reply)

    @property
    def _cut_off(self) -> str:
        return f"it was cut off at {self._endpoint.reply_tokens} tokens (reply_tokens)"

    @abstractmethod
    async def _sent(self, question: Question, headers: dict[str, str]) -> bytes:
        """Send the call; the body of its reply. Raises what the SDK does."""

    @abstractmethod
    def _answered(self, reply: R) -> JudgeAnswered:
        """What a reply says."""
