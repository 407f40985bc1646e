"""A judge that speaks as OpenAI's chat completions do, through their SDK: OpenAI's own, and the many servers like it.

It sends a call once, never again by itself, and nowhere else: the SDK's retries, redirects and addresses of the
environment are all turned off. Nothing is decided here about what a reply says.
"""

import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.judging.sdk_form import SdkForm
from kilnmark.lab.judging.talk import Endpoint, JudgeAnswered, Photo, Question

__all__ = ["OpenAIForm"]


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    usage: _Usage | None = None


class OpenAIForm(SdkForm[_Completion]):
    """A `VisionModel` by OpenAI's SDK.

    Args:
        endpoint: Whom to ask.
        key: Theirs; empty: they want none.
        variable: Where it is from, for messages.

    Raises:
        NotInstalled: The SDK is not there.
    """

    _reply = _Completion
    _form = "chat completion"

    def __init__(self, endpoint: Endpoint, key: str, variable: str) -> None:
        try:
            import openai
        except ImportError as error:
            raise NotInstalled("a judge of OpenAI's form", "openai") from error
        super().__init__(openai, endpoint, key, variable)
        self._client = openai.AsyncOpenAI(**self._options())

    async def _sent(self, question: Question, headers: dict[str, str]) -> bytes:
        body: dict[str, Any] = {"max_completion_tokens": self._endpoint.reply_tokens}
        if self._endpoint.structured:
            schema = {"name": question.name, "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        raw = await self._client.chat.completions.with_raw_response.create(
            model=self._endpoint.model, messages=list(_messages(question)), extra_headers=headers, **body
        )
        reply: bytes = raw.content
        return reply

    def _answered(self, reply: _Completion) -> JudgeAnswered:
        first = reply.choices[0] if reply.choices else _Choice(_Message())
        cut = {"length": self._cut_off, "content_filter": "the server's filter kept it back"}
        refused = f"it refused: {self._words.of(first.message.refusal)}" if first.message.refusal else ""
        return JudgeAnswered(
            text=first.message.content or "",
            tokens_in=None if reply.usage is None else reply.usage.prompt_tokens,
            tokens_out=None if reply.usage is None else reply.usage.completion_tokens,
            reply_id=reply.id or "",
            cut=refused or cut.get(first.finish_reason or "", ""),
        )


def _messages(question: Question) -> Iterable[Any]:
    yield {"role": "system", "content": question.system}
    yield {"role": "user", "content": [_part(part) for part in question.parts]}
    for turn in question.turns:
        yield {"role": turn.by, "content": turn.text}


def _part(part: str | Photo) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(part.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}
