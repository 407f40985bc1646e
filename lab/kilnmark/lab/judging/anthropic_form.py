"""A judge that speaks as Anthropic's messages do, through their SDK.

It sends a call once, never again by itself, and nowhere else: the SDK's retries, redirects, spans, addresses and other
credentials of the environment are all turned off. Nothing is decided here about what a reply says.
"""

import asyncio
import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.judging.refusals import Wording, of_connection, of_status
from kilnmark.lab.judging.talk import Doubtful, Ended, Endpoint, JudgeAnswered, Photo, Question
from kilnmark.lab.judging.tls import trusted_by

__all__ = ["AnthropicForm"]


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Used(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @property
    def read(self) -> int:
        return self.input_tokens + (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)


class _Reply(msgspec.Struct):
    content: list[_Block]
    id: str | None = None
    stop_reason: str | None = None
    usage: _Used | None = None


class AnthropicForm:
    """A `VisionModel` by Anthropic's SDK.

    Args:
        endpoint: Whom to ask.
        key: Theirs; empty: they want none.
        variable: Where it is from, for messages.

    Raises:
        NotInstalled: The SDK is not there.
    """

    def __init__(self, endpoint: Endpoint, key: str, variable: str) -> None:
        try:
            import anthropic
        except ImportError as error:
            raise NotInstalled("a judge of Anthropic's form", "anthropic") from error
        self._sdk = anthropic
        self._endpoint = endpoint
        self._variable = variable
        self._words = Wording(key)
        self._client = anthropic.AsyncAnthropic(
            api_key=key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=endpoint.deadline,
            open_telemetry=False,  # its spans can be told to carry the pictures
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=endpoint.deadline, verify=trusted_by(endpoint.base_url)
            ),
        )

    async def ask(self, question: Question, key: str) -> Ended:
        """See `VisionModel`."""
        body: dict[str, Any] = {"max_tokens": self._endpoint.reply_tokens}
        if self._endpoint.structured:
            body["output_config"] = {"format": {"type": "json_schema", "schema": question.schema}}
        try:
            async with asyncio.timeout(self._endpoint.deadline):
                raw = await self._client.messages.with_raw_response.create(
                    model=self._endpoint.model,
                    system=question.system,
                    messages=list(_messages(question)),
                    extra_headers={"Idempotency-Key": key},
                    **body,
                )
                reply = await raw.read()
        except TimeoutError:
            return Doubtful(f"there was no reply within {self._endpoint.deadline:g} seconds")
        except self._sdk.APIStatusError as error:
            said, headers = self._words.of(error.response.text), error.response.headers
            url = self._endpoint.base_url
            return of_status(error.status_code, said, headers, base_url=url, variable=self._variable)
        except self._sdk.APIConnectionError as error:
            cause = error.__cause__
            return of_connection(cause, self._words.of(str(cause)), self._endpoint.base_url)
        return self._read(reply)

    async def close(self) -> None:
        """See `VisionModel`."""
        await self._client.close()

    def _read(self, body: bytes) -> Ended:
        try:
            reply = msgspec.json.decode(body, type=_Reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Doubtful(f"what came back is no message: {self._words.of(str(error))}")
        cut = {"max_tokens": f"it was cut off at {self._endpoint.reply_tokens} tokens (reply_tokens)"}
        cut |= {"refusal": "it refused", "model_context_window_exceeded": "it was cut off at the model's own limit"}
        return JudgeAnswered(
            text="".join(block.text for block in reply.content if block.type == "text"),
            tokens_in=None if reply.usage is None else reply.usage.read,
            tokens_out=None if reply.usage is None else reply.usage.output_tokens,
            reply_id=reply.id or "",
            cut=cut.get(reply.stop_reason or "", ""),
        )


def _messages(question: Question) -> Iterable[Any]:
    yield {"role": "user", "content": [_part(part) for part in question.parts]}
    for turn in question.turns:
        yield {"role": turn.by, "content": turn.text}


def _part(part: str | Photo) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    source = {"type": "base64", "media_type": part.media_type, "data": base64.b64encode(part.data).decode()}
    return {"type": "image", "source": source}
