"""What the parameters of every method have in common: what rides beside them, and the words that they are made of.

The parameters themselves are in `requests` and `job_requests`.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["CallMeta", "JobId", "Name", "Params", "Text"]

Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]


class CallMeta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What rides beside a call's parameters as `_meta`.

    Attributes:
        progress_token: Turns on progress and heartbeat notifications, which carry it back.
        traceparent, tracestate: W3C trace context of the caller.
        attached: Nobody but this caller waits for the render, though it has a `job_id`: it is given up when the
            connection closes. After the daemon's death it is painted once its caller is back.
        resumed: The render was asked for before, and its answer was lost: a job of this id that has ended without a
            picture meanwhile is the answer, unless its error is one that may not come again.
    """

    progress_token: str | int | None = msgspec.field(default=None, name="progressToken")
    traceparent: Annotated[str, Meta(max_length=512)] | None = None
    tracestate: Annotated[str, Meta(max_length=2048)] | None = None
    attached: bool = False
    resumed: bool = False


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parameters of one method; they refuse unknown fields."""

    meta: CallMeta = msgspec.field(default=CallMeta(), name="_meta")
