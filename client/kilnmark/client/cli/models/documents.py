"""The documents of `kilnmark models`: each command's one result, as programs get it and as people are shown it."""

from enum import StrEnum

import msgspec

from kilnmark.client.cli.models.fit import MemoryNeed

__all__ = ["ModelDocument", "ModelState", "ModelsDocument", "PublishedDocument", "PulledModel", "RemovedModels"]


class ModelState(StrEnum):
    """What of a model is on this machine.

    Attributes:
        HERE: All that the engine loads.
        PARTIAL: Some of it.
        ABSENT: Nothing.
        SHIPPED: All that the engine loads, since it comes with the program.
        MADE_UP: It has no weights: its numbers are made on the spot.
        UNTOLD: Its family fetches it, and does not say from where.
    """

    HERE = "here"
    PARTIAL = "partial"
    ABSENT = "absent"
    SHIPPED = "shipped"
    MADE_UP = "made_up"
    UNTOLD = "untold"


class PublishedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub says of a model when it is asked.

    Attributes:
        revision: The commit.
        files: How many of its files are the model's.
        nbytes: What these take.
        missing_bytes: What is still to be fetched of that.
        licence: As its page has it; empty: it does not say.
        gated: It is given to those alone who accepted its licence.
    """

    revision: str
    files: int
    nbytes: int
    missing_bytes: int
    licence: str
    gated: bool


class ModelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    Attributes:
        name: The variant; of a directory that the settings name, what they call it.
        family: What people call its family; empty: not known.
        state: What of it is here.
        repository, revision: Where on the hub it is published, and the commit that is loaded; empty where none is.
        licence: Of its weights; empty: not known.
        needs_token: It is given to those alone who accepted its licence.
        has_token: A token is here; None: that cannot be told.
        path: What the engine takes; None: that is not here. Of a directory that the settings name, that.
        disk_bytes: What is here of it, whole files and others.
        at_least_bytes: What is to be fetched of it at least, where nothing is here: its numbers, two bytes each.
        problem: What is missing of what is here.
        counted_by: What its memory was reckoned from: the `headers` of its weights, or the `catalog`.
        number_bytes: Of a number that is not quantized, as MLX computes here.
        memory: What it takes in memory, the most exact form first; empty: not known.
        published: What the hub says; None: it was not asked.
    """

    name: str
    family: str
    state: ModelState
    repository: str
    revision: str
    licence: str
    needs_token: bool
    has_token: bool | None
    path: str | None
    disk_bytes: int
    at_least_bytes: int
    problem: str
    counted_by: str
    number_bytes: int
    memory: list[MemoryNeed]
    published: PublishedDocument | None = None

    @property
    def advised(self) -> MemoryNeed | None:
        """The most exact form that fits; None: none does, or nobody knows."""
        return next((need for need in self.memory if need.fits), None)


class ModelsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Every model there is, and where they are kept.

    Attributes:
        models: In the catalog's order, then the directories that the settings name.
        memory_bytes: What there is for bases; None: not known.
        memory_words: Why so much, or why it is not known.
        cache: The folder of everything fetched.
        free_bytes: Of its disk.
    """

    models: list[ModelDocument]
    memory_bytes: int | None
    memory_words: str
    cache: str
    free_bytes: int


class PulledModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is whole now.

    Attributes:
        name, repository, revision: Which, from where.
        path: Where the engine finds it.
        files: How many it is made of.
        nbytes: What these take.
        fetched_bytes: What came over the network just now.
        resumed_bytes: What was kept of an earlier try and did not have to come again.
    """

    name: str
    repository: str
    revision: str
    path: str
    files: int
    nbytes: int
    fetched_bytes: int
    resumed_bytes: int


class RemovedModels(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be.

    Attributes:
        names: The models.
        files: How many files.
        freed_bytes: What they took.
        kept_bytes: What stays in the same repositories since it is no file of these models.
        removed: It was done.
    """

    names: list[str]
    files: int
    freed_bytes: int
    kept_bytes: int
    removed: bool
