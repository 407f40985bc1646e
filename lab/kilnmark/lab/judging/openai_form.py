"""A judge that speaks as OpenAI's chat completions do, through their SDK: OpenAI's own, and the many servers like it.

It sends a call once, never again by itself, and nowhere else: the SDK's retries, redirects and addresses of the
environment are all turned off. Nothing is decided here about what a reply says.
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


class OpenAIForm:
    """A `VisionModel` by OpenAI's SDK.

    Args:
        endpoint: Whom to ask.
        key: Theirs; empty: they want none.
        variable: Where it is from, for messages.

    Raises:
        NotInstalled: The SDK is not there.
    """

    def __init__(self, endpoint: Endpoint, key: str, variable: str) -> None:
        try:
            import openai
        except ImportError as error:
            raise NotInstalled("a judge of OpenAI's form", "openai") from error
        self._sdk = openai
        self._endpoint = endpoint
        self._variable = variable
        self._words = Wording(key)
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=endpoint.deadline,
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=endpoint.deadline, verify=trusted_by(endpoint.base_url)
            ),
        )

    async def ask(self, question: Question, key: str) -> Ended:
        """See `VisionModel`."""
        body: dict[str, Any] = {"max_completion_tokens": self._endpoint.reply_tokens}
        if self._endpoint.structured:
            schema = {"name": question.name, "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        try:
            async with asyncio.timeout(self._endpoint.deadline):
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self._endpoint.model,
                    messages=list(_messages(question)),
                    extra_headers={"Idempotency-Key": key},
                    **body,
                )
        except TimeoutError:
            return Doubtful(f"there was no reply within {self._endpoint.deadline:g} seconds")
        except self._sdk.APIStatusError as error:
            said, headers = self._words.of(error.response.text), error.response.headers
            url = self._endpoint.base_url
            return of_status(error.status_code, said, headers, base_url=url, variable=self._variable)
        except self._sdk.APIConnectionError as error:
            cause = error.__cause__
            return of_connection(cause, self._words.of(str(cause)), self._endpoint.base_url)
        return self._read(raw.content)

    async def close(self) -> None:
        """See `VisionModel`."""
        await self._client.close()

    def _read(self, body: bytes) -> Ended:
        try:
            reply = msgspec.json.decode(body, type=_Completion)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Doubtful(f"what came back is no chat completion: {self._words.of(str(error))}")
        first = reply.choices[0] if reply.choices else _Choice(_Message())
        cut = {"length": f"it was cut off at {self._endpoint.reply_tokens} tokens (reply_tokens)"}
        cut |= {"content_filter": "the server's filter kept it back"}
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
