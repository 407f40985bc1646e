"""A judge that speaks as Anthropic's messages do, through their SDK.

It sends a call once, never again by itself, and nowhere else: the SDK's retries, redirects, spans, addresses and other
credentials of the environment are all turned off. Nothing is decided here about what a reply says.
"""

import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.judging.sdk_form import SdkForm
from kilnmark.lab.judging.talk import Endpoint, JudgeAnswered, Photo, Question

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


class AnthropicForm(SdkForm[_Reply]):
    """A `VisionModel` by Anthropic's SDK.

    Args:
        endpoint: Whom to ask.
        key: Theirs; empty: they want none.
        variable: Where it is from, for messages.

    Raises:
        NotInstalled: The SDK is not there.
    """

    _reply = _Reply
    _form = "message"

    def __init__(self, endpoint: Endpoint, key: str, variable: str) -> None:
        try:
            import anthropic
        except ImportError as error:
            raise NotInstalled("a judge of Anthropic's form", "anthropic") from error
        super().__init__(anthropic, endpoint, key, variable)
        # Its spans can be told to carry the pictures.
        self._client = anthropic.AsyncAnthropic(**self._options(), open_telemetry=False)

    async def _sent(self, question: Question, headers: dict[str, str]) -> bytes:
        body: dict[str, Any] = {"max_tokens": self._endpoint.reply_tokens}
        if self._endpoint.structured:
            body["output_config"] = {"format": {"type": "json_schema", "schema": question.schema}}
        raw = await self._client.messages.with_raw_response.create(
            model=self._endpoint.model,
            system=question.system,
            messages=list(_messages(question)),
            extra_headers=headers,
            **body,
        )
        reply: bytes = await raw.read()
        return reply

    def _answered(self, reply: _Reply) -> JudgeAnswered:
        cut = {"max_tokens": self._cut_off, "refusal": "it refused"}
        cut |= {"model_context_window_exceeded": "it was cut off at the model's own limit"}
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
