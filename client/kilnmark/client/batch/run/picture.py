"""One picture of a batch as its manifest has it: what it was made of, and how that ended."""

from typing import Literal

from kilnmark.client.batch.picks.said import EntryName
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = ["Picture"]


class Picture(PictureSpec, frozen=True, kw_only=True):
    """One picture of a batch: what it was made of, and how that ended.

    Attributes:
        world: None for what lies in the genre itself.
        name: As its source spells it.
        take: Which of the seeds of `--seeds` it has, counted from 1.
        source: The YAML file of its entry, from the packs' folder, and the line: `ash/worlds/mire/history.yaml:12`.
        tokens: The length of its prompt.
        file: Where it lies, from this manifest's folder, with forward slashes. A failed one is not there, or is that of
            an earlier batch.
        bare_file: The same without adapters, with the same seed; None where it was not asked for, has not been made, or
            would be the same picture.
        loras: One engagement report an adapter, in stack order, named as the style names them. Of a failed picture:
            those that the daemon refused it with, if any.
        status: Whether the picture is there.
        message: Of a failed one, why, in a sentence; of one that is done, what the daemon warned of, if anything.
        notice: Set when the picture must not be taken for a real one.
        job_id: Under which the daemon painted it; empty when it was not asked.
        inputs: SHA-256 over all that decides the picture, in hex; another one means that it is to be made again.
        bare_inputs: The same of `bare_file`; empty where there is none.
        fingerprint: Of the base that it was painted on; empty when that is not known.
        numerics: What that computed in. Entries without it are older than the choice, and exact.
        created: When it was painted, or failed: UTC, ISO 8601.
        start_file: Where a copy of the picture lies that it starts from, as `file`; empty where it starts from noise,
            or that was another meanwhile.
        reference_files: The same of those that it refers to, in their order.
        stale: Why what was accepted there before is not what is there, as of the last batch.
        old: Why what lies there is not what is asked for now, as of the last batch.
        gone: Its entry stood in no source any more when the last batch looked.
        sha256: Of the file's bytes when it was put there, in hex; empty where it is not there, or the entry is older.
        region: Where its entry says that it lies; empty where it does not.
        warnings: What the daemon warned of, a sentence each, as `message` has them together.
        seconds: What its steps and the decoding took; None where that is not known.
        node: Of a farm, which one painted it; empty where a daemon did, or that is not known.
    """

    genre: str
    world: str | None
    kind: Kind
    name: str
    tier: str
    take: int = 1
    source: str
    tokens: Tokens
    file: str
    bare_file: str | None = None
    loras: list[AdapterReport]
    status: Literal["done", "failed"]
    message: str = ""
    notice: str = ""
    job_id: str = ""
    inputs: str
    bare_inputs: str = ""
    fingerprint: str = ""
    numerics: Numerics = "exact"
    created: str
    start_file: str = ""
    reference_files: list[str] = []
    stale: str = ""
    old: str = ""
    gone: bool = False
    sha256: str = ""
    region: str = ""
    warnings: list[str] = []
    seconds: float | None = None
    node: str = ""

    @property
    def entry(self) -> EntryName:
        """What picks know its entry by."""
        return EntryName.of(self.genre, self.world, self.kind, self.name, self.tier)
