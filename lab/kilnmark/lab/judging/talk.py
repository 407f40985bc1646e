"""What a vision model is asked and what can come of it, whoever it is and whatever it speaks.

An end is data: an answer that has to be paid, a call that was turned away and costs nothing, or a doubt, where nobody
can know whether the call was carried out. Who speaks which form over HTTP is in modules of their own.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

__all__ = [
    "Doubtful",
    "Ended",
    "Endpoint",
    "JudgeAnswered",
    "JudgeTurn",
    "Photo",
    "Question",
    "TurnedAway",
    "VisionModel",
]


class Photo(msgspec.Struct, frozen=True):
    """A picture as it is sent.

    Attributes:
        file: Where it is from, for whoever is told what leaves the machine.
        data: The bytes that are sent: pixels alone.
        media_type: Of the bytes.
    """

    file: str
    data: bytes
    media_type: str = "image/jpeg"


class JudgeTurn(msgspec.Struct, frozen=True):
    """A turn of a conversation after the first.

    Attributes:
        by: Who.
        text: What.
    """

    by: Literal["assistant", "user"]
    text: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One call.

    Attributes:
        system: What the model is to be.
        parts: Words and pictures, in their order.
        schema: What the reply has to be, as a JSON Schema.
        name: Of the schema.
        turns: What was said since.
    """

    system: str
    parts: tuple[str | Photo, ...]
    schema: Mapping[str, Any]
    name: str
    turns: tuple[JudgeTurn, ...] = ()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a question goes to, and how.

    Attributes:
        base_url: Where.
        model: Which model.
        deadline: Seconds for a call, whole.
        reply_tokens: The longest reply.
        structured: Whether the form of the reply is demanded by the API.
    """

    base_url: str
    model: str
    deadline: float
    reply_tokens: int
    structured: bool = True


class JudgeAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, which has to be paid.

    Attributes:
        text: What it says; empty where it says nothing.
        tokens_in, tokens_out: What was counted; None: the server did not say.
        reply_id: What the server calls it.
        cut: Why it may not be whole: a limit, or a refusal. Empty: it is.
    """

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    reply_id: str = ""
    cut: str = ""


class TurnedAway(msgspec.Struct, frozen=True):
    """A call that was not carried out, since there were too many; it costs nothing.

    Attributes:
        said: Why.
        after: Seconds that the server wants to be left alone for; None: it does not say.
    """

    said: str
    after: float | None = None


class Doubtful(msgspec.Struct, frozen=True):
    """A call that was sent, and nobody can know whether it was carried out; it may have to be paid.

    Attributes:
        said: What happened.
    """

    said: str


Ended = JudgeAnswered | TurnedAway | Doubtful


class VisionModel(Protocol):
    """Somebody who looks at pictures for money."""

    async def ask(self, question: Question, key: str) -> Ended:
        """Send one call, once.

        Args:
            question: What is asked.
            key: Of this call alone, for servers that answer the same call again without charging it.

        Raises:
            KeyRefused, AskingRefused: It was refused for what is decided about judging; it costs nothing.
            JudgeUnreachable: Nothing was sent.
        """

    async def close(self) -> None:
        """Hang up."""
