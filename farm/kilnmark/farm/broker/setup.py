"""The streams and buckets of a farm at a broker, made where they are absent; made twice they are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.names import (
    CANCELS,
    CONTENT,
    LOST,
    LOST_ADVISORY,
    NODES,
    PARTITIONS,
    WORK,
    WORK_SUBJECTS,
    pictures_of,
    results_of,
)

if TYPE_CHECKING:
    from nats.js.api import StreamConfig

__all__ = ["KEPT", "PER_SUBJECT", "FarmPlan", "set_up"]

KEPT = 14 * 86400.0
"""Seconds for which a farm keeps what is finished, where nobody says otherwise."""

PER_SUBJECT = 10077
"""What the broker says of a subject that has its one message (`JSStreamMaximumMessagesPerSubject...`, 2.11)."""

_TOO_FEW = (10005, 10074)
"""What brokers say to more replicas than they have servers: `JSClusterNoPeersErrF`, `JSStreamReplicasNotSupported`."""


@dataclass(frozen=True, kw_only=True)
class FarmPlan:
    """What a farm is to have.

    Attributes:
        submitters: Each has a bucket of results and one of pictures.
        replicas: Of everything; more than one needs a cluster.
        kept: Seconds for which results and pictures stay, files that no job needs, and what was said of jobs that were
            lost or are unwanted.
    """

    submitters: Sequence[str]
    replicas: int = 1
    kept: float = KEPT


async def set_up(link: FarmLink, plan: FarmPlan) -> None:
    """Make what is absent.

    Raises:
        FarmError: The broker does not answer, or lets these credentials make nothing.
    """
    from nats.js import api

    with link.telling("set up a farm"):
        await _stream(
            link,
            api.StreamConfig(
                name=WORK,
                subjects=[WORK_SUBJECTS],
                retention=api.RetentionPolicy.WORK_QUEUE,
                discard=api.DiscardPolicy.NEW,
                discard_new_per_subject=True,
                max_msgs_per_subject=1,
            ),
            plan,
        )
        await _stream(link, api.StreamConfig(name=LOST, subjects=[LOST_ADVISORY], max_age=plan.kept), plan)
        for bucket in (NODES, PARTITIONS):
            await _bucket(link, bucket, plan, wiped=False)
        await _bucket(link, CANCELS, plan, wiped=True, kept=plan.kept)
        await _objects(link, CONTENT, plan, None)
        for submitter in plan.submitters:
            await _bucket(link, results_of(submitter), plan, wiped=True, kept=plan.kept)
            await _objects(link, pictures_of(submitter), plan, plan.kept)


async def _bucket(link: FarmLink, name: str, plan: FarmPlan, *, wiped: bool, kept: float | None = None) -> None:
    """A bucket of keys, as the broker's client makes one.

    Args:
        wiped: Whoever may write to it may have older messages go with what they write: so keys are forgotten for good,
            and so all of them could be.
        kept: Seconds for which keys stay; None: for ever.
    """
    from nats.js import api

    config = api.StreamConfig(
        name=f"KV_{name}",
        subjects=[f"$KV.{name}.>"],
        discard=api.DiscardPolicy.NEW,
        max_msgs_per_subject=1,
        max_age=kept,
        deny_delete=True,
        allow_rollup_hdrs=wiped,
    )
    await _stream(link, config, plan)


async def _objects(link: FarmLink, name: str, plan: FarmPlan, kept: float | None) -> None:
    """A store of files, as the broker's client makes one."""
    from nats.js import api

    config = api.StreamConfig(
        name=f"OBJ_{name}",
        subjects=[f"$O.{name}.C.>", f"$O.{name}.M.>"],
        discard=api.DiscardPolicy.NEW,
        max_age=kept,
        allow_rollup_hdrs=True,
    )
    await _stream(link, config, plan)


async def _stream(link: FarmLink, config: "StreamConfig", plan: FarmPlan) -> None:
    from nats.js.errors import APIError, BadRequestError

    wanted = config.evolve(allow_direct=True, num_replicas=plan.replicas)
    try:
        try:
            await link.js.add_stream(wanted)
        except BadRequestError:  # it is there, perhaps otherwise
            await link.js.update_stream(wanted)
    except APIError as error:
        if error.err_code not in _TOO_FEW:
            raise
        reason = "the broker is no cluster of so many servers that keep streams; give fewer, or join more"
        raise FarmNotUsable(f"--replicas {plan.replicas}", reason) from error
