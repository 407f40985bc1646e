"""The end of a batch told somewhere: left with the daemon as a notice, which outlives both, for whoever tells it.

Whether the address is allowed is asked before anything is painted.
"""

import uuid
from pathlib import Path

from kilnmark.client.aio import AsyncClient
from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.notify import notify_problem
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.notices import BatchEnd

__all__ = ["batch_end", "leave_batch_end", "require_notify_host"]

_DEAD = (Verdict.NOOP, Verdict.REFUSED)


async def require_notify_host(socket: str | None, notify_url: str) -> None:
    """Raises InvalidParams where the daemon would not keep a notice for this address."""
    async with AsyncClient(socket) as client:
        allowed = (await client.status()).notify_hosts
    if problem := notify_problem(notify_url, allowed):
        raise InvalidParams(f"{problem} - at `$.params.notify_url`")


def batch_end(
    kind: str, tally: Tally, out: Path, *, manifest: Path, page: Path, exit_code: int, error: KilnmarkError | None
) -> BatchEnd:
    """How a batch ended, as it is told; paths are made absolute."""
    dead = (any(report.verdict in _DEAD for report in ending.loras) for ending in tally.endings.values())
    return BatchEnd(
        kind=kind,
        state="done" if error is None else "stopped",
        out=str(out.absolute()),
        manifest=str(manifest.absolute()),
        page=str(page.absolute()),
        total=tally.total,
        painted=tally.count(Became.PAINTED),
        found=tally.count(Became.FOUND),
        kept=tally.count(Became.KEPT),
        failed=tally.count(Became.FAILED),
        left=tally.count(Became.LEFT),
        dead=sum(dead),
        exit_code=exit_code,
        reason="" if error is None else str(error)[:20_000],
    )


async def leave_batch_end(socket: str | None, notify_url: str, end: BatchEnd) -> None:
    """Leave it with the daemon.

    Raises:
        KilnmarkError: it does not keep it.
    """
    async with AsyncClient(socket) as client:
        await client.leave_notice(uuid.uuid4().hex, notify_url, end)
