"""What the commands about packs put on stdout under `--json`."""

import msgspec

from kilnmark.client.packs.checked import CheckedPacks
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.report import Verdict

__all__ = ["BegunDocument", "CheckedAdapter", "CheckedDocument", "SchemasDocument", "UnnamedSchema", "checked_document"]


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


class UnnamedSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A document that an editor cannot check yet.

    Attributes:
        document: From the folder of packs.
        line: What to put first in it.
    """

    document: str
    line: str


class SchemasDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Schemas that were put beside packs.

    Attributes:
        folder: Where they lie.
        written: Those that are new there, or had other bytes.
        unnamed: Documents whose beginning names no schema yet.
    """

    folder: str
    written: list[str]
    unnamed: list[UnnamedSchema] = []


class CheckedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter file, for one model.

    Attributes:
        name: What the first document that asks for it calls it.
        variant: The model.
        asked: Where it is asked for, and why it would not engage there; empty for a sound one.
    """

    name: str
    variant: str
    path: str
    verdict: Verdict
    reason: str
    asked: list[Problem]


class CheckedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`pack check`.

    Attributes:
        pictures: How many batches would paint, by kind.
        problems: Each costs a picture at least, but for dead adapters, which stand at those.
        warnings: These cost none.
    """

    folder: str
    genres: int
    worlds: int
    pictures: dict[str, int]
    adapters: list[CheckedAdapter]
    problems: list[Problem]
    warnings: list[Problem]


def checked_document(folder: str, checked: CheckedPacks) -> CheckedDocument:
    """What was found, for programs."""
    return CheckedDocument(
        folder=folder,
        genres=checked.genres,
        worlds=checked.worlds,
        pictures={str(kind): count for kind, count in checked.pictures.items()},
        adapters=[
            CheckedAdapter(
                name=each.name,
                variant=each.variant,
                path=each.inspection.path,
                verdict=each.inspection.verdict,
                reason=each.inspection.reason,
                asked=list(each.asked),
            )
            for each in checked.adapters
        ],
        problems=list(checked.problems),
        warnings=list(checked.warnings),
    )
