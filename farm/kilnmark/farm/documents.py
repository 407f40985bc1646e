"""What goes through the broker: jobs, what became of them, what nodes say of themselves and what partitions ask for.

All of it is JSON. Files are named by their hashes, never by a path of another machine.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.farm.names import Partition
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.wire.call import JobId
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import JobError, RenderResult
from kilnmark.protocol.wire.requests import RenderParams

__all__ = [
    "ContentFile",
    "FarmAdapter",
    "FarmJob",
    "FarmNeeds",
    "FarmResult",
    "JobState",
    "NodeInfo",
    "PartitionInfo",
    "RefusedWork",
    "ServedBase",
    "SubmissionPart",
]

JobState = Literal["done", "failed", "dead", "cancelled"]
"""How a job can end: with a picture; with the daemon's refusal; after as many deliveries as it may have; unwanted."""


_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_FileName = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[^/\\\x00-\x1f]{1,255}\Z")]
"""Both become names of files on nodes, so that nothing that leads elsewhere is one."""


class FarmNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has to have, so that its picture is the one that was asked for.

    Attributes:
        variant: The base.
        fingerprint: Of its weights; empty: any.
        numerics: What it computes in; None: any.
        version: Of kilnmark.
        keymaps: `content.keymaps_digest` of the program that reads adapters.
        bytes: What the base is expected to take of memory; 0: nobody knows.
    """

    variant: str
    fingerprint: str = ""
    numerics: Numerics | None = None
    version: str
    keymaps: str
    bytes: int = 0

    @property
    def token(self) -> str:
        """Of a subject: equal where the needs are; what the base takes was measured, and is another now and then."""
        return _short(msgspec.json.encode(msgspec.structs.replace(self, bytes=0)))


class ContentFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that lies in the bucket of content.

    Attributes:
        name: What it is called beside others; no folder is in it.
        sha256: Of its bytes, in hex: its name in the bucket.
        size: Bytes.
    """

    name: _FileName
    sha256: _Sha256
    size: Annotated[int, Meta(ge=0)]


class FarmAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a job's stack.

    Attributes:
        sha256: What reports have of it, in hex: of the file, and of the config beside it.
        files: The adapter file, and what goes with it in the same folder.
        scale: As that of a request.
        block_scales: The same for some blocks.
    """

    sha256: _Sha256
    files: Annotated[tuple[ContentFile, ...], Meta(min_length=1, max_length=8)]
    scale: float
    block_scales: dict[str, float] = {}


class FarmJob(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that the farm is asked for.

    Attributes:
        job_id: The submitter's idempotency key, and the job's id at the daemon that paints it.
        submitter: Whose it is.
        submission: What it was handed in with, for whoever asks how far that is.
        needs: What its node must have.
        asked: The request without its stack and its pictures; its seed is said, and no genre is named.
        adapters: In stack order.
        start: The picture that it starts from; None: it starts from noise.
        references: The pictures that it refers to, in their order.
    """

    job_id: JobId
    submitter: str
    submission: str
    needs: FarmNeeds
    asked: RenderParams
    adapters: tuple[FarmAdapter, ...] = ()
    start: ContentFile | None = None
    references: tuple[ContentFile, ...] = ()

    def __post_init__(self) -> None:
        """See that nothing of a machine is named.

        Raises:
            ValueError: A file of one is, or something that is composed there.
        """
        asked = self.asked
        named = [asked.lora_paths, asked.lora_scales, asked.lora_block_scales, asked.extra_loras, asked.names_pictures]
        if any([*named, asked.genre, asked.variant, asked.notify_url]):
            raise ValueError("it names files, or what is composed, at the machine that it came from")

    @property
    def stack(self) -> str:
        """Of a subject: equal where the stacks are."""
        facts = [(each.sha256, each.scale, sorted(each.block_scales.items())) for each in self.adapters]
        return _short(msgspec.json.encode(facts)) if facts else "bare"

    @property
    def content(self) -> tuple[ContentFile, ...]:
        """All files that it needs."""
        start = () if self.start is None else (self.start,)
        return (*self.references, *start, *(file for each in self.adapters for file in each.files))

    @property
    def partition(self) -> Partition:
        """Where it belongs."""
        return Partition(self.needs.token, self.stack, self.asked.priority)


class FarmResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended. The first that is written under its key counts.

    Attributes:
        job_id, submitter, submission: Those of the job.
        state: How.
        node: Which one told; empty for a job that none finished.
        result: The daemon's, where it is done; `image_path` is one of the node's machine.
        picture: The picture in the submitter's store, where it is done.
        is_shared: It lies in a folder that its node shares instead.
        error: Why there is no picture, otherwise.
        first_line: The first line that a worker wrote of its failure, where there is one.
        deliveries: How often the job was handed to a node.
        nodes: Those that are known to have had it, in their order.
        began, ended: By the clock of its node, UTC, ISO 8601; empty where none is known.
        job: Of a dead one, what was asked, so that it can be handed out again.
    """

    job_id: str
    submitter: str
    submission: str
    state: JobState
    node: str = ""
    result: RenderResult | None = None
    picture: ContentFile | None = None
    is_shared: bool = False
    error: JobError | None = None
    first_line: str = ""
    deliveries: int = 1
    nodes: tuple[str, ...] = ()
    began: str = ""
    ended: str = ""
    job: FarmJob | None = None


class SubmissionPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the jobs that were handed in together, written down before they are.

    Attributes:
        submission: Its id.
        submitter: Whose it is.
        what: What was said, such as `batch poi`.
        jobs: Their ids.
    """

    submission: str
    submitter: str
    what: str
    jobs: tuple[str, ...]


class ServedBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base that a node's daemon holds, or can be asked for.

    Attributes:
        variant: As it is called.
        bytes: What it takes of memory, measured or declared; 0: not known.
        counts_as: The variant that it is, where its own name is none; empty: that of its name.
        drafts: Whether renders on it are drafts where they do not say.
        base: What is held; None: it is not held now. Once it was, it stays known in `known`.
        known: The last that was held since the node joined.
    """

    variant: str
    bytes: int = 0
    counts_as: str = ""
    drafts: bool = False
    base: BaseInfo | None = None
    known: BaseInfo | None = None


class RefusedWork(msgspec.Struct, frozen=True, kw_only=True):
    """Work that a node does not do, though it has what that asks for.

    Attributes:
        needs, stack: Those of its partitions; an empty stack: any of that base.
        why: In a sentence, with the mend.
    """

    needs: str
    stack: str
    why: str


class NodeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself, every few seconds.

    Attributes:
        name: Of the node; one daemon has one.
        instance: Of its process: no two are equal.
        version, keymaps: As those of `FarmNeeds`.
        state: `idle` and `working`; `draining` on its way out; `left`; `away` while its daemon cannot paint.
        problem: Why it is away, or takes no work; empty otherwise.
        bases: Those that its daemon serves.
        refused: Work that its daemon did not do for a reason of its own.
        base_bytes: What all bases together may take there.
        partition: Where it takes work from now, as its key; empty: from nowhere.
        running: The jobs that it has.
        done, failed, switches: Since it joined.
        adapters_dead: Adapters that did not engage, since it joined.
        free_bytes: Of the disk that pictures and content are written to.
        beat: Grows with every one.
    """

    name: str
    version: str
    keymaps: str
    state: Literal["idle", "working", "draining", "left", "away"]
    problem: str = ""
    instance: str = ""
    bases: tuple[ServedBase, ...] = ()
    refused: tuple[RefusedWork, ...] = ()
    base_bytes: int = 0
    partition: str = ""
    running: tuple[str, ...] = ()
    done: int = 0
    failed: int = 0
    switches: int = 0
    adapters_dead: int = 0
    free_bytes: int = 0
    beat: int = 0


class PartitionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition asks for, written by the first who hands in work of it.

    Attributes:
        needs: Of every node.
        names: The adapter files of its stack, for people.
        content: Hashes of the files that it needs.
    """

    needs: FarmNeeds
    names: tuple[str, ...] = ()
    content: tuple[str, ...] = ()


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
