"""The streams and buckets of a farm at a broker, made where they are absent; made twice they are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
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

__all__ = ["FarmPlan", "set_up"]


@dataclass(frozen=True, kw_only=True)
class FarmPlan:
    """What a farm is to have.

    Attributes:
        submitters: Each has a bucket of results and one of pictures.
        replicas: Of everything; more than one needs a cluster.
        kept: Seconds for which results and pictures stay.
    """

    submitters: Sequence[str]
    replicas: int = 1
    kept: float = 14 * 86400.0


async def set_up(link: FarmLink, plan: FarmPlan) -> None:
    """Make what is absent.

    Raises:
        FarmError: The broker does not answer, or lets these credentials make nothing.
    """
    from nats.js import api

    js, replicas = link.js, plan.replicas
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
                allow_direct=True,
                num_replicas=replicas,
            ),
        )
        await _stream(
            link, api.StreamConfig(name=LOST, subjects=[LOST_ADVISORY], num_replicas=replicas, allow_direct=True)
        )
        for bucket in (NODES, PARTITIONS, CANCELS):
            await js.create_key_value(api.KeyValueConfig(bucket=bucket, history=1, replicas=replicas, direct=True))
        await js.create_object_store(CONTENT, api.ObjectStoreConfig(replicas=replicas))
        for submitter in plan.submitters:
            results = api.KeyValueConfig(
                bucket=results_of(submitter), history=1, ttl=plan.kept, replicas=replicas, direct=True
            )
            await js.create_key_value(results)
            await js.create_object_store(
                pictures_of(submitter), api.ObjectStoreConfig(ttl=plan.kept, replicas=replicas)
            )


async def _stream(link: FarmLink, config: "StreamConfig") -> None:
    from nats.js.errors import BadRequestError

    try:
        await link.js.add_stream(config)
    except BadRequestError:  # it is there, perhaps otherwise
        await link.js.update_stream(config)
