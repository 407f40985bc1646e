"""`loras.yaml`: which adapters of a genre production may trust, by their bytes, and how that came about.

The document and what it says of an adapter; it is read like every other that people may look into, but wholly or not at
all, since half a list of what is trusted is none. Who writes it, and what has to be shown before, is the lab's part.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kilnmark.protocol.content.marked_yaml import read_marked
from kilnmark.protocol.content.packs import PackFiles
from kilnmark.protocol.content.parsed import parsed, wrong
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.described import describe

__all__ = [
    "PROMOTED_FILE",
    "GenrePromotions",
    "PassedVerification",
    "PromotedAdapter",
    "PromotedManifest",
    "PromotionEvent",
    "load_promotions",
    "parse_promoted",
    "promoting_command",
    "unpromoted",
]

PROMOTED_FILE = "loras.yaml"


def _hash(value: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise wrong("is no SHA-256; write 64 digits of 0-9 and a-f")
    return value


def _moment(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
        raise wrong("is no time with its zone; write one, such as 2026-01-31T12:00:00Z")
    return value


Sha256 = Annotated[str, AfterValidator(_hash)]
Moment = Annotated[str, AfterValidator(_moment)]
Name = Annotated[str, Field(pattern=r"\S", max_length=200)]
Words = Annotated[str, Field(pattern=r"\S", max_length=2_000)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]

_SHOWN_HASH = 12
"""Digits of a hash that a message repeats."""


class _ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=describe)


class PassedVerification(_ManifestPart):
    """The report of `kilnmark lab verify` that a promotion rests on."""

    report: FilePath
    """Where the report lay."""

    sha256: Sha256
    """Hash of the report's bytes."""

    verdict: Words
    """What it said."""

    thresholds: Words
    """The version of the thresholds that it was held to."""

    scale: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """The scale that it was verified at; none where an older report does not say."""


class PromotedAdapter(_ManifestPart):
    """One adapter that production may trust."""

    name: Name
    """What it is called here, once."""

    file: FilePath
    """The safetensors file, from the genre's folder; absolute where it lies outside of the packs."""

    sha256: Sha256
    """Of its bytes and the config beside it, as reports and `kilnmark lora inspect` have it. It alone is compared."""

    trigger: Words | None = None
    """Words that it was trained on; none for a style that needs none."""

    kind: Literal["style", "subject"]
    """What it was trained to do."""

    base: Name
    """The variant that it was verified on."""

    trained_on: Words | None = None
    """Its dataset; none where it was trained elsewhere."""

    steps: Annotated[int, Field(ge=0)] | None = None
    """Training steps that it had; none where nobody knows."""

    rank: Annotated[int, Field(ge=0)] = 0
    """As reports have it; 0 where it is unknown."""

    verification: PassedVerification
    """What showed that it may be trusted."""

    signed_by: Name
    """Who answers for it."""

    when: Moment
    """When it was promoted, ISO 8601."""


class PromotionEvent(_ManifestPart):
    """One thing that was decided."""

    event: Literal["promote", "demote"]
    """What was done."""

    name: Name
    """The adapter's, at that time."""

    sha256: Sha256
    """Its bytes."""

    by: Name
    """Who did it."""

    when: Moment
    """When, ISO 8601."""

    why: Words | None = None
    """The reason; a demotion has one."""


class PromotedManifest(_ManifestPart):
    """`loras.yaml` of a genre."""

    promoted: Annotated[tuple[PromotedAdapter, ...], Field(strict=False)] = ()
    """The adapters that production may trust."""

    history: Annotated[tuple[PromotionEvent, ...], Field(strict=False)] = ()
    """All that was ever decided, the latest last; it is only added to."""

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> Self:
        for i, adapter in enumerate(self.promoted):
            for j, other in enumerate(self.promoted[:i]):
                if adapter.name == other.name:
                    raise wrong(
                        f"{adapter.name!r} is a name already, of entry {j}; rename one", ("promoted", i, "name")
                    )
                if adapter.sha256 == other.sha256:
                    raise wrong(f"are the bytes of entry {j} already; keep one", ("promoted", i, "sha256"))
            last = self.last_of(adapter.sha256)
            if last is None or last.event != "promote":
                said = "stands in no event of `history`" if last is None else "was demoted, as `history` has it"
                raise wrong(f"{said}; let `kilnmark lab promote` write it", ("promoted", i, "sha256"))
        return self

    def adapter_of(self, sha256: str) -> PromotedAdapter | None:
        """The promoted adapter with these bytes."""
        return next((adapter for adapter in self.promoted if adapter.sha256 == sha256), None)

    def adapter_named(self, name: str) -> PromotedAdapter | None:
        """The promoted adapter of that name."""
        return next((adapter for adapter in self.promoted if adapter.name == name), None)

    def last_of(self, sha256: str) -> PromotionEvent | None:
        """What was decided last of these bytes."""
        return next((event for event in reversed(self.history) if event.sha256 == sha256), None)


@dataclass(frozen=True, slots=True)
class GenrePromotions:
    """What one genre's manifest says.

    Attributes:
        manifest: Empty where there is none.
        is_there: There is one.
    """

    genre: str
    manifest: PromotedManifest
    is_there: bool


def load_promotions(files: PackFiles, genre: str) -> GenrePromotions:
    """Read the manifest of a genre.

    Args:
        files: Reads the folder of packs.
        genre: Its folder's name.

    Raises:
        UnusableContent: It is there, and cannot be read or used as it stands; with every problem.
    """
    path = f"{genre}/{PROMOTED_FILE}"
    try:
        data = files.read(path)
    except OSError as error:
        message = f"cannot be read ({error.strerror or error}); make it a file that this user may read"
        raise UnusableContent([Problem(file=path, line=0, message=message)]) from error
    manifest = PromotedManifest() if data is None else parse_promoted(data, path)
    return GenrePromotions(genre, manifest, is_there=data is not None)


def parse_promoted(data: bytes, file: str) -> PromotedManifest:
    """Read a manifest.

    Args:
        data: The file's bytes.
        file: What problems are to call it.

    Raises:
        UnusableContent: It cannot be used as it stands; with file, line, entry and mend of every problem.
    """
    manifest, _ = parsed(PromotedManifest, read_marked(data, file))
    return manifest


def unpromoted(asked: Sequence[GenrePromotions], path: str, sha256: str, packs: str | None) -> str:
    """Why an adapter is not one that these genres trust, and how it would become one; empty where one of them does.

    Args:
        asked: The genres that may trust it.
        path: Where its file lies, no link in its path.
        sha256: As its report has it.
        packs: The folder of packs, no link in its path; None: there is none.
    """
    if any(each.manifest.adapter_of(sha256) for each in asked):
        return ""
    where = f"in {asked[0].genre}" if len(asked) == 1 else "in any genre of these packs"
    why = next(_because(asked, path, sha256, packs), "")
    words = f"is not promoted {where}: sha256 {sha256[:_SHOWN_HASH]}... {why or _none_has_it(asked)}"
    return f"{words}; promote it with `{promoting_command(asked, path, packs)}`"


def promoting_command(asked: Sequence[GenrePromotions], path: str, packs: str | None) -> str:
    """What would make one of these genres trust an adapter, once it is verified."""
    genre = asked[0].genre if len(asked) == 1 else next((e.genre for e in asked if _is_in(path, e.genre, packs)), None)
    folder = "DIR" if packs is None else shlex.quote(packs)
    named = "GENRE" if genre is None else shlex.quote(genre)
    return f"kilnmark lab promote {shlex.quote(path)} --run RUN --genre {named} --packs {folder} --signed-by NAME"


def _because(asked: Sequence[GenrePromotions], path: str, sha256: str, packs: str | None) -> Iterator[str]:
    for each in asked:
        last = each.manifest.last_of(sha256)
        if last is not None:
            yield f"was demoted by {last.by} at {last.when} ({last.why})"
    for each in asked:
        for adapter in each.manifest.promoted:
            if packs is not None and path in (adapter.file, f"{packs}/{each.genre}/{adapter.file}"):
                yield f"is not what {adapter.name!r} was promoted with ({adapter.sha256[:_SHOWN_HASH]}...)"


def _none_has_it(asked: Sequence[GenrePromotions]) -> str:
    there = [f"{each.genre}/{PROMOTED_FILE}" for each in asked if each.is_there]
    if not there:
        return f"stands nowhere, since there is no {asked[0].genre if len(asked) == 1 else 'GENRE'}/{PROMOTED_FILE}"
    return f"does not stand in {', '.join(there)}"


def _is_in(path: str, genre: str, packs: str | None) -> bool:
    return packs is not None and path.startswith(f"{packs}/{genre}/")
