"""A message about something that ended: what it says, and how whoever gets it knows that it is ours.

The form is that of Standard Webhooks (standardwebhooks.com, 1.0): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, an HMAC-SHA256 of all three with the secret that `kilnmark web token --secret` prints. Nothing is
sent here.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.notices import NoticeInfo
from kilnmark.protocol.wire.replies import JobResult

__all__ = ["EndedMessage", "batch_message", "job_message", "key_of", "signed"]


class EndedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told.

    Attributes:
        id: The same however often it is told, and no other's.
        url: Where.
        body: JSON: `type`, `timestamp` and `data`.
    """

    id: str
    url: str
    body: bytes


class _EndedBody(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    timestamp: str
    data: object


def key_of(*parts: str) -> str:
    """The id of a message about something that has these names."""
    return "msg_" + hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:32]


def job_message(job: JobInfo, ended: JobResult) -> EndedMessage:
    """`job.done`, `job.failed` or `job.cancelled`, with everything that `jobs.get` tells, the reports too."""
    body = _EndedBody(type=f"job.{job.state}", timestamp=job.ended, data=ended)
    return EndedMessage(id=key_of("job", job.job_id, job.accepted), url=job.notify_url, body=msgspec.json.encode(body))


def batch_message(notice: NoticeInfo) -> EndedMessage:
    """`batch.done` or `batch.stopped`, with its counts and where its pictures are."""
    body = _EndedBody(type=f"batch.{notice.batch.state}", timestamp=notice.left, data=notice.batch)
    return EndedMessage(
        id=key_of("notice", notice.notice_id, notice.left), url=notice.notify_url, body=msgspec.json.encode(body)
    )


def signed(message: EndedMessage, secret: str, now: float) -> Mapping[str, str]:
    """The headers of a message that is sent now.

    Args:
        message: It.
        secret: As `kilnmark web token --secret` prints it, `whsec_` and base64.
        now: Seconds since 1970.
    """
    moment = str(int(now))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = b".".join((message.id.encode(), moment.encode(), message.body))
    mark = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "kilnmark",
        "webhook-id": message.id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{mark}",
    }
