"""What an adapter file is without a base: the document of `kilnmark lora inspect --json` and the reply of
`lora.inspect`.

Only the shape; files are read by keymaps. Fields that a render's report has too mean the same here.
"""

import msgspec

from kilnmark.protocol.picture.report import UnmatchedKeys, Verdict

__all__ = [
    "CaptionTag",
    "Inspection",
    "InspectionDocument",
    "Metadata",
    "NameDifference",
    "Nearest",
    "TargetChange",
]


class CaptionTag(msgspec.Struct, frozen=True):
    """A tag of the training captions.

    Attributes:
        tag: Itself.
        count: In how many captions it stood.
    """

    tag: str
    count: int


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of its own making.

    Attributes:
        trainer: The program that wrote it, with its version or network module where they are said.
        title: The name it was given.
        base_model: The model it was trained on.
        architecture: That model's kind, in the trainer's words.
        trigger_words: Words recorded as such: a trigger phrase, class tokens, and folder names that are captions too.
        training_steps: Steps done when it was saved.
        epochs: Epochs done, or asked for where only those are recorded.
        caption_tags: The most frequent tags of the training captions.
        entry_count: Entries of the metadata.
        entries: The first of them as they stand, each cut where it is long.
    """

    trainer: str = ""
    title: str = ""
    base_model: str = ""
    architecture: str = ""
    trigger_words: tuple[str, ...] = ()
    training_steps: int | None = None
    epochs: int | None = None
    caption_tags: tuple[CaptionTag, ...] = ()
    entry_count: int = 0
    entries: dict[str, str] = {}


class TargetChange(msgspec.Struct, frozen=True):
    """One layer that a file changes.

    Attributes:
        path: Module path in mflux.
        shape: [out, in] of the layer.
        norm: Frobenius norm of the file's update at scale 1; for DoRA that of its matrices alone, because what its
            magnitudes add depends on the base. None where all of it does: for scales that replace a norm's own.
        rms: The same an element of the layer's weight: its root mean square.
    """

    path: str
    shape: tuple[int, int]
    norm: float | None
    rms: float | None = None


class NameDifference(msgspec.Struct, frozen=True):
    """One way in which unknown names differ from those of a convention.

    Attributes:
        what: In words that go on from "your names".
        key_count: How many differ so.
        key: The first of them.
        meant: What the convention would call it.
    """

    what: str
    key_count: int
    key: str
    meant: str


class Nearest(msgspec.Struct, frozen=True):
    """The convention that unknown names are most like. It is a guess: nothing is applied on its account.

    Attributes:
        convention: Its name.
        form: How it names a tensor; `<layer>` stands for the module.
        key_count: How many of the unknown names are like its own.
        differences: How they differ, the most frequent way first, at most five.
    """

    convention: str
    form: str
    key_count: int
    differences: tuple[NameDifference, ...]

    def __str__(self) -> str:
        said = self.differences[0].what
        more = "" if len(self.differences) == 1 else ", among other differences"
        return f"nearest is {self.convention} ({self.form}), but your names {said}{more}"


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """One file, as the document shows it.

    Attributes:
        sha256, convention, kind, rank, total_key_count, matched_key_count, ignored_keys, unmatched_keys, target_count,
            applied_target_count, usual_scale, verdict, reason, strength_from, made_for, config_sha256: As those of a
            render's report.
        path: Absolute, symbolic links resolved, where the file could be opened; else as it was asked for, which the
            command line takes from the current folder.
        typical_ratio: What `delta_ratio` would be at scale 1 on a typical base, as far as that can be told without one;
            None where it cannot. With a factor of 30 for how far bases differ, verdicts are made of it here; those of a
            render rest on the base's own numbers.
        rms: Size of the update an element, over all elements of all its layers: root mean square, at scale 1.
        metadata: What the file says of its own making.
        targets: The layers it would change, in the file's order; empty when it was refused, or they were not asked for.
        nearest: The convention that its unknown names are most like; None when none are unknown, or they are like none.
    """

    path: str
    sha256: str
    convention: str
    kind: str
    rank: int
    total_key_count: int
    matched_key_count: int
    ignored_keys: dict[str, int]
    unmatched_keys: UnmatchedKeys
    target_count: int
    applied_target_count: int
    verdict: Verdict
    reason: str
    metadata: Metadata
    targets: tuple[TargetChange, ...]
    nearest: Nearest | None = None
    strength_from: dict[str, int] = {}
    made_for: str = ""
    config_sha256: str = ""
    typical_ratio: float | None = None
    rms: float | None = None
    usual_scale: float | None = None


class InspectionDocument(msgspec.Struct, frozen=True):
    """What was inspected.

    Attributes:
        files: Every file that was asked for, in order.
    """

    files: list[Inspection]
