"""How many jobs of a submitter have their result, and how often one was written: what lies at the broker decides."""

from typing import NamedTuple

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.names import results_of

__all__ = ["Counted", "counted"]


class Counted(NamedTuple):
    """Results that are there, and how often one was written over another."""

    results: int
    twice: int


async def counted(link: FarmLink, submitter: str) -> Counted:
    """As it stands. What stands beside the results is of submissions."""
    bucket = results_of(submitter)
    beside = await link.js.stream_info(f"KV_{bucket}", subjects_filter=f"$KV.{bucket}.*.>")
    state = beside.state
    subjects = state.subjects or {}
    return Counted(
        state.messages - len(subjects), state.last_seq - state.messages - sum(subjects.values()) + len(subjects)
    )
