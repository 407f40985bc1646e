"""What the commands about packs put on stdout under `--json`."""

import msgspec

__all__ = ["BegunDocument", "SchemasDocument"]


class BegunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A genre that was begun.

    Attributes:
        folder: The folder of packs.
        documents: What was written, from there.
        next: Commands to go on with, as a shell takes them.
    """

    folder: str
    documents: list[str]
    next: list[str]


class SchemasDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Schemas that were put beside packs.

    Attributes:
        folder: Where they lie.
        written: Those that are new there, or had other bytes.
    """

    folder: str
    written: list[str]
