"""What a batch needs of whoever paints: a daemon's client has it, and a farm's.

Nothing is done here; both know their own way.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.protocol.wire.replies import JobResult, WarmUpResult
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["Paints"]


class Paints(Protocol):
    """A daemon, or what does as one.

    Each of its methods raises what `AsyncClient` raises there: `RequestError` for what was answered, `ClientError` for
    what nobody could answer.
    """

    async def status(self) -> StatusResult:
        """What it holds: which bases, and where pictures of earlier batches lie."""

    async def warm_up(self, variant: str | None = None) -> WarmUpResult:
        """Wait until a base is warm; None means its default."""

    async def jobs_get(self, job_id: str) -> JobResult:
        """How far one job is, or how it ended."""

    def render_many(
        self, requests: Iterable[RenderRequest], *, concurrency: int = 4, ordered: bool = True
    ) -> AsyncGenerator[Rendered]:
        """Make many pictures; one that fails is told of and does not stop the others."""
