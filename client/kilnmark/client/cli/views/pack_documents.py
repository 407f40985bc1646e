"""What the commands about packs put on stdout under `--json`."""

import msgspec

__all__ = ["SchemasDocument"]


class SchemasDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Schemas that were put beside packs.

    Attributes:
        folder: Where they lie.
        written: Those that are new there, or had other bytes.
    """

    folder: str
    written: list[str]
