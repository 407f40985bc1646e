"""How a farm is, as `kilnmark farm status --json` has it."""

import msgspec

__all__ = ["DeadAdapter", "FarmStatus", "NodeRefusal", "NodeStatus", "NodesBase", "SubmissionStatus", "WaitingWork"]


class NodesBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base that a node serves.

    Attributes:
        variant: As it is called.
        held: It is in its memory now.
        bytes: What it takes, measured or declared; 0: not known.
    """

    variant: str
    held: bool
    bytes: int = 0


class NodeRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """Work that a node does not do.

    Attributes:
        variant: The base.
        stack: The adapter files; None: all work for that base is meant.
        why: In a sentence.
    """

    variant: str
    stack: list[str] | None
    why: str


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A node.

    Attributes:
        state: As it says; `lost` where it has said nothing for 30 seconds and did not leave.
        seen_s: Seconds since it said anything, by the broker's clock.
        problem: Why it takes no work; empty where it does.
        stack: The adapter files of the work that it takes; empty: it takes none, or work without any.
        refused: Work that its daemon does not do for a reason of its own.
        others: As those of `NodeInfo`.
    """

    name: str
    state: str
    seen_s: float
    version: str
    problem: str = ""
    bases: list[NodesBase] = []
    base_bytes: int = 0
    stack: list[str] = []
    refused: list[NodeRefusal] = []
    running: list[str] = []
    done: int = 0
    failed: int = 0
    switches: int = 0
    adapters_dead: int = 0
    free_bytes: int = 0


class SubmissionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that were handed in together.

    Attributes:
        what: What was said, such as `batch poi`.
        at: When, by the broker's clock: UTC, ISO 8601.
        jobs: How many; those that were there already count where they were handed in first and here.
        open: Of those, how many have not ended.
    """

    submission: str
    submitter: str
    what: str
    at: str
    jobs: int
    open: int
    done: int = 0
    failed: int = 0
    dead: int = 0
    cancelled: int = 0


class WaitingWork(msgspec.Struct, frozen=True, kw_only=True):
    """Work that any node can do all of which can do one of it.

    Attributes:
        variant: The base.
        stack: Its adapter files, in stack order.
        waiting: Jobs that no node has.
        running: Jobs that nodes have, or had and were lost with.
        why: What the waiting ones wait for, in a sentence; empty where none waits.
    """

    variant: str
    stack: list[str]
    priority: str
    waiting: int
    running: int
    why: str = ""


class DeadAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter that did not engage.

    Attributes:
        jobs: How many failed by it.
        painted: How many were painted for all that, since they were to be (`on_mismatch: warn`).
        reason: What was said of it last.
    """

    name: str
    sha256: str
    verdict: str
    jobs: int
    painted: int = 0
    reason: str


class FarmStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as far as whoever asks may see.

    Attributes:
        address: Of the broker.
        at: When, by its clock: UTC, ISO 8601.
        waiting, running: Jobs of all submitters.
        done, failed, dead, cancelled: Jobs that ended so and whose results are kept.
        a_minute: Pictures a minute in the last ten; None: there were none.
        left_s: Seconds until all is done, at the rate since the first of it was handed in; None: nobody knows.
        switches: Changes of stack at all nodes since they joined.
        stacks: Stacks that there is or was work for.
        submissions: The latest first.
        work: What waits or is being done, the most first.
        is_full: The broker's disk is, and it takes nothing until there is room.
        content_files, content_bytes: Files that jobs need, at the broker; bytes with what is written beside them.
    """

    address: str
    at: str
    nodes: list[NodeStatus]
    waiting: int
    running: int
    done: int
    failed: int
    dead: int
    cancelled: int
    a_minute: float | None
    left_s: float | None
    switches: int
    stacks: int
    submissions: list[SubmissionStatus]
    work: list[WaitingWork]
    dead_adapters: list[DeadAdapter]
    is_full: bool = False
    content_files: int = 0
    content_bytes: int = 0
